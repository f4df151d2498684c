package observe

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/filter"
	"listenq/internal/queue"
	"listenq/internal/record"
)

// reactions reads the server's counters between one packet and the next, so
// that what moved is that packet's doing. In a flood it reads less often, and a
// reading then stands for several packets.
type reactions struct {
	reader   *kernel.CounterReader
	counters queue.Counters            // the last reading; reused
	columns  [len(DeltaColumns)]int    // the index of each in counters; -1 if the kernel does not have it
	inSegs   int                       // that of TcpInSegs
	reverse  int                       // that of TcpExtIPReversePathFilter, or -1
	sockets  *SocketDrops              // where a filter is at a socket of the server; nil if there is none
	filters  *filter.Table             // of the server's namespace; nil if there are none
	taken    uint64                    // segments that they had taken at the last reading, which TCP never counts
	names    int                       // how many counters there were when the indexes were taken
	last     [len(DeltaColumns)]uint64 // their values

	reported  uint64 // of taken, in reactions before
	delivered uint64 // TCP segments written to the server
	pending   int    // of them without a reading
	number    int    // of the last one
	window    time.Duration
	credit    int // packets that may have a reading of their own
	most      int // of it
}

// DeltaColumns says which counter belongs to which field of a Delta.
var DeltaColumns = [...]struct {
	Name  string
	field func(*evidence.Delta) *int
}{
	{"TcpExtListenOverflows", func(d *evidence.Delta) *int { return &d.ListenOverflows }},
	{"TcpExtListenDrops", func(d *evidence.Delta) *int { return &d.ListenDrops }},
	{"TcpExtTCPReqQFullDrop", func(d *evidence.Delta) *int { return &d.TCPReqQFullDrop }},
	{"TcpExtTCPReqQFullDoCookies", func(d *evidence.Delta) *int { return &d.TCPReqQFullDoCookies }},
	{"TcpExtSyncookiesSent", func(d *evidence.Delta) *int { return &d.SyncookiesSent }},
	{"TcpExtSyncookiesRecv", func(d *evidence.Delta) *int { return &d.SyncookiesRecv }},
	{"TcpExtSyncookiesFailed", func(d *evidence.Delta) *int { return &d.SyncookiesFailed }},
	{"TcpExtEmbryonicRsts", func(d *evidence.Delta) *int { return &d.EmbryonicRsts }},
	{"TcpExtTCPDeferAcceptDrop", func(d *evidence.Delta) *int { return &d.TCPDeferAcceptDrop }},
	{"TcpInCsumErrors", func(d *evidence.Delta) *int { return &d.InCsumErrors }},
	{"TcpExtIPReversePathFilter", func(d *evidence.Delta) *int { return &d.IPReversePathFilter }},
}

// moved are the counters of a delta that are not 0, by their names in nstat.
func moved(d evidence.Delta) map[string]int {
	counters := map[string]int{}
	for _, c := range DeltaColumns {
		if n := *c.field(&d); n != 0 {
			counters[c.Name] = n
		}
	}
	if d.Filtered != 0 {
		counters[record.FilteredPackets] = d.Filtered
	}
	return counters
}

// A burst gets a reading for each packet (about 45 µs): so many, and three more
// for each connection that the script makes, which are its SYN, final ACK and
// first data. Beyond it, which is a flood, a window of 10 ms brings readings for
// that many.
const (
	burstReadings    = 1024
	connReadings     = 3
	reactionWindow   = 10 * time.Millisecond
	readingsInWindow = 16
)

// processing is how long the kernel may take to get to a segment that was
// written to its interface, when its softirqs are busy. One that TCP has not
// counted by then was dropped before it.
const processing = 20 * time.Millisecond

// start takes the counters as they are, before so many connections of the script.
// The reader must not be used by anyone else.
func (r *reactions) start(reader *kernel.CounterReader, connections int) error {
	r.reader = reader
	if err := r.readCounters(); err != nil {
		return err
	}
	r.delivered = r.processed()
	r.most = burstReadings + connReadings*connections
	r.credit = r.most
	r.movement()
	return nil
}

// readCounters reads, and finds the columns anew when there are others: the
// kernel adds those of ICMP when they are first needed.
func (r *reactions) readCounters() error {
	if err := r.reader.Read(&r.counters); err != nil {
		return err
	}
	if r.filters != nil {
		n, err := r.filters.Taken()
		if err != nil {
			return err
		}
		r.taken = n
	}
	if r.names == len(r.counters.Names) {
		return nil
	}
	r.names = len(r.counters.Names)
	r.inSegs = slices.Index(r.counters.Names, "TcpInSegs")
	r.reverse = slices.Index(r.counters.Names, "TcpExtIPReversePathFilter")
	for i, c := range DeltaColumns {
		r.columns[i] = slices.Index(r.counters.Names, c.Name)
	}
	return nil
}

// movement is how far the counters have moved since the last call.
func (r *reactions) movement() (d evidence.Delta) {
	for i, c := range DeltaColumns {
		if r.columns[i] < 0 {
			continue
		}
		now := r.counters.Values[r.columns[i]]
		*c.field(&d) = int(now - r.last[i])
		r.last[i] = now
	}
	d.Filtered = int(r.taken - r.reported)
	r.reported = r.taken
	return d
}

// processed is how many segments the host has dealt with at the last reading: TCP has
// counted them, or what stands before it has taken them and counted that.
func (r *reactions) processed() uint64 { return r.counters.Values[r.inSegs] + r.kept() }

// kept is how many of them TCP never counts.
func (r *reactions) kept() uint64 {
	if r.reverse < 0 {
		return r.taken
	}
	return r.taken + r.counters.Values[r.reverse]
}

// delivery is called for each TCP segment that was written to the server, right
// after it was. It returns the reaction, if this was the moment for a reading.
func (r *reactions) delivery(number int, now time.Duration) (evidence.Reaction, bool, error) {
	r.delivered++
	r.passed(number)
	r.refill(now)
	if r.credit == 0 {
		return evidence.Reaction{}, false, nil
	}
	r.credit--
	if r.credit < readingsInWindow {
		return r.rest(now, true) // a flood does not wait
	}
	reaction, err := r.read(now)
	return reaction, err == nil, err
}

// passed notes a segment to the server, for a later reading.
func (r *reactions) passed(number int) {
	r.pending++
	r.number = number
}

// refill gives the credit of the windows that have passed.
func (r *reactions) refill(now time.Duration) {
	windows := int((now - r.window) / reactionWindow)
	r.credit = min(r.most, r.credit+windows*readingsInWindow)
	r.window += time.Duration(windows) * reactionWindow
}

// expectFlood announces a flood, which must not wait for the readings of a burst.
func (r *reactions) expectFlood() { r.credit = min(r.credit, readingsInWindow) }

// flooded reports whether this is a flood.
func (r *reactions) flooded() bool { return r.credit == 0 }

// read reads the counters when TCP has counted what was delivered, for all
// packets since the last reading. It is for who delivers: what else was counted
// came from within the host.
func (r *reactions) read(now time.Duration) (evidence.Reaction, error) {
	for limit := time.Now().Add(processing); ; {
		if err := r.readCounters(); err != nil {
			return evidence.Reaction{}, err
		}
		counted := r.processed()
		if counted >= r.delivered || time.Now().After(limit) {
			r.delivered = counted
			return r.take(now)
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 10_000}, nil) // ksoftirqd may want this CPU
	}
}

// rest reads for the packets that have no reading yet. Where delivery is called for
// all, it takes nothing when TCP has counted one more: that was just written, and
// its delivery has still to be reported.
func (r *reactions) rest(now time.Duration, all bool) (reaction evidence.Reaction, ok bool, err error) {
	if err := r.readCounters(); err != nil {
		return reaction, false, err
	}
	if all && r.processed() != r.delivered {
		return reaction, false, nil
	}
	reaction, err = r.take(now)
	return reaction, err == nil, err
}

// take is the reaction to all packets since the last one.
func (r *reactions) take(now time.Duration) (evidence.Reaction, error) {
	reaction := evidence.Reaction{T: now, Packets: r.pending, Delta: r.movement()}
	if r.sockets != nil {
		n, err := r.sockets.moved()
		if err != nil {
			return reaction, err
		}
		if reaction.Delta == (evidence.Delta{}) { // else the drop is that of another counter, which counts there, too
			reaction.Delta.Filtered = n
		}
	}
	if r.pending == 1 {
		reaction.Number = r.number
	}
	r.pending = 0
	return reaction, nil
}
