package script

import (
	"reflect"
	"slices"

	"listenq/internal/handshake"
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
	reflect.TypeFor[handshake.Outcome](): wordsOf("an outcome",
		handshake.Accepted, handshake.Queued, handshake.EstablishedBoth, handshake.Pending,
		handshake.HalfOpen, handshake.Phantom, handshake.Forgotten, handshake.Unanswered,
		handshake.GaveUp, handshake.TimedOut, handshake.Reset, handshake.Refused, handshake.Unknown),
	reflect.TypeFor[handshake.Cause](): wordsOf("a cause",
		handshake.AcceptQueueFull, handshake.SynQueueFull, handshake.SynQueueReserve,
		handshake.DeferAccept, handshake.ListenerClosed, handshake.NoListener, handshake.HostDrop,
		handshake.NetworkLoss, handshake.OldConnection, handshake.DataRefused, handshake.BadChecksum, handshake.ByClient, handshake.ByServer, handshake.NoCause,
		handshake.UnknownCause, handshake.AbortOnOverflow, handshake.CookieRejected,
		handshake.RequestExpired, handshake.Timeout),
	reflect.TypeFor[handshake.Struck](): wordsOf("a packet that can be struck",
		handshake.StruckSYN, handshake.StruckSYNACK, handshake.StruckACK, handshake.StruckData,
		handshake.StruckFIN, "none"),
	reflect.TypeFor[handshake.Kind](): wordsOf("a kind of handshake",
		handshake.Request, handshake.Cookie, handshake.FastOpen, "none"),
	reflect.TypeFor[handshake.Confidence](): wordsOf("a confidence",
		handshake.Certain, handshake.Likely, handshake.Possible),
	reflect.TypeFor[handshake.State](): wordsOf("a TCP state",
		handshake.None, handshake.Established, handshake.SynSent, handshake.SynRecv,
		handshake.FinWait1, handshake.FinWait2, handshake.TimeWait, handshake.Close,
		handshake.CloseWait, handshake.LastAck, handshake.Listen, handshake.Closing),
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
