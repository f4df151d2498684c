package tui

import (
	"net/netip"
	"time"

	"listenq/internal/queue"
	"listenq/internal/watch"
)

// kept is what can be saved and stepped through: an hour, of many listeners less, which is
// about 60 MB.
var kept = watch.TapeSize{Samples: 3600, Listeners: 300_000}

const (
	minute   = 60 * time.Second // what the course, the maximum and findings are about
	recently = 5 * time.Second  // what states and rates are about
)

// recent is the window of states and rates at an interval: three samples must be in it.
func recent(interval time.Duration) time.Duration { return max(recently, interval*5/2) }

// player holds the samples that were taken or recorded, and the Snapshot that is on the
// screen.
type player struct {
	tape  *watch.Tape
	shown *watch.Snapshot // nil: none yet
	at    int             // its sample on the tape; -1: none, or no longer there
	tally *queue.Tally    // of all samples that were seen
	seen  int             // so many
}

func newPlayer(t *watch.Tape) player { return player{tape: t, at: -1, tally: queue.NewTally()} }

// record puts a new Snapshot on the tape; what is shown stays.
func (p *player) record(s *watch.Snapshot) {
	p.at = max(p.at-p.tape.Add(*s.Sample), -1)
	p.count(s.Sample)
}

// live shows the Snapshot that was recorded last.
func (p *player) live(s *watch.Snapshot) { p.shown, p.at = s, len(p.tape.Samples())-1 }

// show shows a sample of the tape.
func (p *player) show(i int) { p.shown, p.at = p.tape.At(i), i }

// count adds a sample to what is said at the end.
func (p *player) count(s *queue.Sample) {
	p.tally.Add(s)
	p.seen++
}

// sample is the one that is shown; nil if there is none.
func (p *player) sample() *queue.Sample {
	if p.shown == nil {
		return nil
	}
	return p.shown.Sample
}

// identity identifies a listener from sample to sample.
type identity struct {
	netns   queue.NetnsID
	cookie  uint64
	inode   uint32
	address netip.AddrPort
}

func identify(l *queue.Listener) identity {
	return identity{l.Netns, l.Cookie, l.Inode, l.Address}
}
