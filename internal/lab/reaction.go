package lab

import (
	"time"

	"listenq/internal/handshake"
	"listenq/internal/kernel"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// reactions reads the server's counters between one packet and the next, so
// that what moved is that packet's doing. In a flood it reads less often, and a
// reading then stands for several packets.
type reactions struct {
	reader  *kernel.CounterReader
	last    queue.Counters
	next    queue.Counters // reused for the reading after it
	columns []column
	inSegs  int // index of TcpInSegs

	delivered uint64 // TCP segments written to the server
	pending   int    // of them without a reading
	number    int    // of the last one
	window    time.Duration
	readings  int // within the window
}

// column says which counter belongs to which field of a Delta.
type column struct {
	index int
	field func(*handshake.Delta) *int
}

var deltaColumns = []struct {
	name  string
	field func(*handshake.Delta) *int
}{
	{"TcpExtListenOverflows", func(d *handshake.Delta) *int { return &d.ListenOverflows }},
	{"TcpExtListenDrops", func(d *handshake.Delta) *int { return &d.ListenDrops }},
	{"TcpExtTCPReqQFullDrop", func(d *handshake.Delta) *int { return &d.TCPReqQFullDrop }},
	{"TcpExtTCPReqQFullDoCookies", func(d *handshake.Delta) *int { return &d.TCPReqQFullDoCookies }},
	{"TcpExtSyncookiesSent", func(d *handshake.Delta) *int { return &d.SyncookiesSent }},
	{"TcpExtSyncookiesRecv", func(d *handshake.Delta) *int { return &d.SyncookiesRecv }},
	{"TcpExtSyncookiesFailed", func(d *handshake.Delta) *int { return &d.SyncookiesFailed }},
	{"TcpExtEmbryonicRsts", func(d *handshake.Delta) *int { return &d.EmbryonicRsts }},
	{"TcpExtTCPDeferAcceptDrop", func(d *handshake.Delta) *int { return &d.TCPDeferAcceptDrop }},
}

// moved are the counters of a delta that are not 0, by their names in nstat.
func moved(d handshake.Delta) map[string]int {
	counters := map[string]int{}
	for _, c := range deltaColumns {
		if n := *c.field(&d); n != 0 {
			counters[c.name] = n
		}
	}
	return counters
}

// In a window of 10 ms at most this many packets get a reading of their own
// (about 45 µs each); more is a flood.
const (
	reactionWindow   = 10 * time.Millisecond
	readingsInWindow = 64
)

// processing is how long the kernel may take to get to a segment that was
// written to its interface, when its softirqs are busy. One that TCP has not
// counted by then was dropped before it.
const processing = 20 * time.Millisecond

// start takes the counters as they are. The reader must not be used by anyone else.
func (r *reactions) start(reader *kernel.CounterReader) error {
	r.reader = reader
	if err := reader.Read(&r.last); err != nil {
		return err
	}
	for i, name := range r.last.Names {
		if name == "TcpInSegs" {
			r.inSegs = i
			r.delivered = r.last.Values[i]
		}
		for _, c := range deltaColumns {
			if c.name == name {
				r.columns = append(r.columns, column{i, c.field})
			}
		}
	}
	return nil
}

// delivery is told of each TCP segment that was written to the server, right
// after it was. It returns the reaction, if this was the moment for a reading.
func (r *reactions) delivery(number int, now time.Duration) (handshake.Reaction, bool, error) {
	r.delivered++
	r.passed(number)
	if now-r.window >= reactionWindow {
		r.window, r.readings = now, 0
	}
	if r.readings++; r.readings > readingsInWindow {
		return handshake.Reaction{}, false, nil
	}
	reaction, err := r.read(now)
	return reaction, err == nil, err
}

// passed notes a segment to the server, for a later reading.
func (r *reactions) passed(number int) {
	r.pending++
	r.number = number
}

// flooded reports whether this is a flood.
func (r *reactions) flooded() bool { return r.readings > readingsInWindow }

// read reads the counters, for all packets since the last reading.
func (r *reactions) read(now time.Duration) (handshake.Reaction, error) {
	for limit := time.Now().Add(processing); ; {
		if err := r.reader.Read(&r.next); err != nil {
			return handshake.Reaction{}, err
		}
		if r.next.Values[r.inSegs] >= r.delivered {
			break
		}
		if time.Now().After(limit) {
			r.delivered = r.next.Values[r.inSegs]
			break
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 10_000}, nil) // ksoftirqd may want this CPU
	}
	reaction := handshake.Reaction{T: now, Packets: r.pending}
	if r.pending == 1 {
		reaction.Number = r.number
	}
	for _, c := range r.columns {
		*c.field(&reaction.Delta) = int(r.next.Values[c.index] - r.last.Values[c.index])
	}
	r.last, r.next = r.next, r.last
	r.pending = 0
	return reaction, nil
}
