package handshake

import (
	"net/netip"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/story"
)

// Socket takes a sample of one end of a connection whose packets were seen.
// One that is older than what has come to the server since says nothing new,
// except that accept() returned the connection: that stays true.
func (t *Tracker) Socket(s evidence.Socket) {
	t.scene.At(s.T)
	t.sample(s.T)
	a := t.of(s.Client, s.Server)
	if a == nil {
		return
	}
	e := &a.seen
	if s.Side == evidence.ServerSide && s.State == evidence.None && s.T >= e.Client.LastIn && e.On.Emptied() && e.EmptyQueue(t.scene.Complete) {
		a.settle(t.scene.Complete)
	}
	e.TakeSocket(s)
	a.settle(s.T)
}

// Accepted takes that accept() returned the connection at that time. No sample can
// tell it of one that was reset while it waited.
func (t *Tracker) Accepted(client, server netip.AddrPort, at time.Duration) {
	t.scene.At(at)
	if a := t.of(client, server); a != nil {
		a.seen.TakeAccepted(at)
		a.settle(at)
	}
}

// Call takes a system call of the client. It counts as of when it returned.
func (t *Tracker) Call(c evidence.Call) {
	now := c.Returned()
	t.scene.At(now)
	if a := t.of(c.Client, c.Server); a != nil {
		a.seen.TakeCall(&c)
		a.settle(now)
	}
}

// Fate takes what the wire did with a segment that was sent.
func (t *Tracker) Fate(p evidence.Packet, f evidence.Fate) {
	t.scene.At(p.T)
	a, fromClient := t.of(p.Src, p.Dst), true
	if a == nil {
		a, fromClient = t.of(p.Dst, p.Src), false
	}
	if a != nil {
		a.seen.TakeFate(&p, fromClient, f)
		a.settle(p.T)
	}
}

// Sysctl takes a setting of the server's namespace: net.ipv4.tcp_syncookies and
// net.ipv4.tcp_max_syn_backlog decide what a ListenDrops that comes alone means,
// net.ipv4.tcp_syn_retries, where both sides have the same, when connect() cannot have timed out.
// Others are ignored.
func (t *Tracker) Sysctl(name string, value int) { t.scene.Settings.Set(name, value) }

// Comment returns what is worth saying of a packet in a capture; empty for an
// ordinary one. It is known of the packet that was given last, once its Reaction
// and Fate are in.
func (t *Tracker) Comment(number int) string {
	last := &t.scene.Last
	if number != last.Number {
		return ""
	}
	return story.Comment(&last.Note, &t.scene.Settings, t.outlook)
}
