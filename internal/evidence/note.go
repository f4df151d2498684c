package evidence

import (
	"slices"
	"time"
)

// What is the kind of a note.
type What uint8

// The kinds of notes.
const (
	Nothing What = iota
	SYNAgain
	SYNACKAgain
	DataAgain
	Dropped
	Lost
	HeldBack
	SentCookie
	ServerReset
	StrayReset
	QueueGone
	AcceptReturned
	Expired
	ClientCloses
	ClientResets
	ClientShuts
	SYNACKAnswers
	CallFailed
	ConnectFailed
	ConnectEnded
	BareACK // it answers a SYN
	StrangeReset
	WrongSum
	TakesNone
)

// Note is something worth reporting. Notes of one kind are folded into one, so an
// attempt has few of them, however long it takes.
type Note struct {
	What     What
	Segment  Segment // of Dropped, Lost and HeldBack; SegOther is the SYN-ACK; of ServerReset what it answers
	Witness  Witness // of Dropped; of SentCookie QFull if it was sent for a full SYN queue; of ServerReset Overflows if it was for a full accept queue
	Measured bool    // Length and Limit are known
	Always   bool    // of SentCookie: tcp_syncookies is 2; if Told is QFull, it may be
	Again    bool    // of Dropped: it repeats the final ACK
	N        int32   // how often it happened

	Length, Limit int32  // of the queue that Told is about
	At            Moment // the first time
	Times         [MaxTimes]time.Duration
	Took          time.Duration // by a system call
	Call, Errno   string
}

// MaxTimes bounds how many times of a repeated event are kept; the SYNs of Linux
// before 6.5 and five SYN-ACKs fit in.
const MaxTimes = 8

// note adds to what is worth reporting about the attempt.
func (a *Attempt) note(n Note, now time.Duration, number int) {
	i := slices.IndexFunc(a.Notes, func(o Note) bool {
		return o.What == n.What && o.Segment == n.Segment && o.Witness == n.Witness && o.Call == n.Call && o.Errno == n.Errno
	})
	if i >= 0 {
		old := &a.Notes[i]
		if old.N < MaxTimes {
			old.Times[old.N] = now
		}
		old.N++
		return
	}
	if len(a.Notes) == maxNotes {
		return
	}
	n.N, n.At, n.Times[0] = 1, Moment{now, number}, now
	a.Notes = append(a.Notes, n)
}

// maxNotes bounds a story. Its kinds are few; only calls with ever new errors could reach it.
const maxNotes = 32

// remark says something of the packet that was given last; of an earlier one it is too late.
func (a *Attempt) remark(number int, n Note) {
	if number == a.Scene.Last.Number {
		a.Scene.Last.Note = n
	}
}
