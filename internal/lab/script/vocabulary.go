package script

import (
	"reflect"
	"slices"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Timer is the timer that a socket has running, in the words of ss.
type Timer string

// The timers of idiag_timer (include/uapi/linux/inet_diag.h).
const (
	TimerOff       Timer = "off"
	TimerOn        Timer = "on" // something is sent again when it ends
	TimerKeepalive Timer = "keepalive"
	TimerTimewait  Timer = "timewait"
	TimerPersist   Timer = "persist"
)

// Errno is the name of an error that a system call returned; empty if it succeeded.
type Errno string

// vocabulary is the closed set of words that a member can be.
type vocabulary struct {
	noun  string // such as "an outcome"
	words []string
}

func (v *vocabulary) has(word string) bool { return slices.Contains(v.words, word) }

// vocabularies are the types that are words. A comparison with a word that is
// none of them can never hold, so it is an error.
var vocabularies = map[reflect.Type]*vocabulary{
	reflect.TypeFor[judge.Outcome](): wordsOf("an outcome",
		judge.Accepted, judge.Queued, judge.EstablishedBoth, judge.Pending,
		judge.HalfOpen, judge.Phantom, judge.Forgotten, judge.Unanswered,
		judge.GaveUp, judge.TimedOut, judge.Reset, judge.Refused, judge.Unknown),
	reflect.TypeFor[judge.Cause](): wordsOf("a cause",
		judge.AcceptQueueFull, judge.SynQueueFull, judge.SynQueueReserve,
		judge.DeferAccept, judge.ListenerClosed, judge.NoListener, judge.HostDrop,
		judge.NetworkLoss, judge.OldConnection, judge.DataRefused, judge.BadChecksum, judge.ByClient, judge.ByServer, judge.NoCause,
		judge.UnknownCause, judge.AbortOnOverflow, judge.CookieRejected,
		judge.RequestExpired, judge.Timeout),
	reflect.TypeFor[judge.Struck](): wordsOf("a packet that can be struck",
		judge.StruckSYN, judge.StruckSYNACK, judge.StruckACK, judge.StruckData,
		judge.StruckFIN, "none"),
	reflect.TypeFor[judge.Kind](): wordsOf("a kind of handshake",
		judge.Request, judge.Cookie, judge.FastOpen, "none"),
	reflect.TypeFor[judge.Confidence](): wordsOf("a confidence",
		judge.Certain, judge.Likely, judge.Possible),
	reflect.TypeFor[evidence.State](): wordsOf("a TCP state",
		evidence.None, evidence.Established, evidence.SynSent, evidence.SynRecv,
		evidence.FinWait1, evidence.FinWait2, evidence.TimeWait, evidence.Close,
		evidence.CloseWait, evidence.LastAck, evidence.Listen, evidence.Closing),
	reflect.TypeFor[Timer](): wordsOf("a timer",
		TimerOff, TimerOn, TimerKeepalive, TimerTimewait, TimerPersist),
	// What the calls of a TCP client return (connect(2), send(2), recv(2), tcp(7)).
	reflect.TypeFor[Errno](): wordsOf[Errno]("an errno of a client's call",
		"", "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAGAIN", "EALREADY", "EBADF", "ECONNABORTED",
		"ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "EINPROGRESS", "EINTR", "EINVAL", "EISCONN",
		"ENETUNREACH", "ENOBUFS", "ENOMEM", "ENOTCONN", "EPERM", "EPIPE", "EPROTO", "ETIMEDOUT"),
}

func wordsOf[W ~string](noun string, words ...W) *vocabulary {
	v := &vocabulary{noun: noun}
	for _, w := range words {
		v.words = append(v.words, string(w))
	}
	return v
}
