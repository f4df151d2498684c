package handshake

import (
	"slices"
	"time"
)

// what is the kind of a note.
type what uint8

const (
	noWhat what = iota
	synAgain
	synackAgain
	dataAgain
	dropped
	lost
	held
	sentCookie
	serverReset
	strayReset
	queueGone
	accepted
	expired
	clientCloses
	clientResets
	clientShuts
	synackAnswers
	callFailed
	connectFailed
	connectEnded
	challenged
	strangeReset
	badSum
	refused
)

// note is something worth telling. Notes of one kind are folded into one, so an
// attempt has few of them, however long it takes.
type note struct {
	what    what
	segment segment // of dropped, lost and held; segOther is the SYN-ACK; of serverReset what it answers
	causes  causes  // of dropped
	where   place   // of dropped by no queue, where that is known
	n       int     // how often it happened
	at      moment  // the first time
	times   [maxTimes]time.Duration
	took    time.Duration // by a system call
	outlook outlook       // of serverReset

	length, limit int // of the queue that the cause is about, if measured
	measured      bool
	always        bool // of sentCookie: tcp_syncookies is 2; with a cause, it may be
	again         bool // of dropped: it repeats the final ACK
	call, errno   string
}

// maxTimes bounds how many times of a repeated event are told; the SYNs of Linux
// before 6.5 and five SYN-ACKs fit in.
const maxTimes = 8

// note adds to what is worth telling of the attempt.
func (a *Attempt) note(n note, now time.Duration, number int) {
	i := slices.IndexFunc(a.notes, func(o note) bool {
		return o.what == n.what && o.segment == n.segment && o.causes == n.causes && o.where == n.where && o.call == n.call && o.errno == n.errno
	})
	if i >= 0 {
		old := &a.notes[i]
		if old.n < maxTimes {
			old.times[old.n] = now
		}
		old.n++
		return
	}
	if len(a.notes) == maxNotes {
		return
	}
	n.n, n.at, n.times[0] = 1, moment{now, number}, now
	a.notes = append(a.notes, n)
}

// maxNotes bounds a story. Its kinds are few; only calls with ever new errors could reach it.
const maxNotes = 32

// remark is what is worth saying of one packet.
type remark struct {
	number int
	note   note
}

// remark says it of the packet that was given last; of an earlier one it is too late.
func (a *Attempt) remark(number int, n note) {
	if number == a.t.last.number {
		a.t.last.note = n
	}
}
