package observe

import (
	"io"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/kernel"
	"listenq/internal/lab/network"
	"listenq/internal/queue"
	"listenq/internal/record"
)

// Observer gathers what is seen of an experiment, on one clock: it gives all
// of it to the handshake model and what changed to the recording. Packets come
// from the wire's goroutine, samples from the sampler's and from steps, calls
// from the clients': mu keeps them apart.
type Observer struct {
	clock network.Clock
	net   *network.Network

	sampling sync.Mutex // one sample at a time; taken before mu
	sampler  sampler
	samples  atomic.Int64  // begun so far
	counted  time.Time     // when the counters were last read; whoever uses it holds sampling
	moved    chan struct{} // a packet came: sample soon

	mu        sync.Mutex
	tracker   *handshake.Tracker
	packets   *capture.Writer
	events    *record.Events
	room      *Room // for both
	err       error // the first that kept something out of the recording
	number    int   // of the last packet in the recording
	pending   pendingFrame
	conns     map[Pair]*ends
	lost      losses
	past      map[string]past // by the name of a connection
	stale     map[uint64]bool // cookies of the server's sockets of those
	listeners []*Listener
	counters  [2]movement // by side: server, client
	reactions reactions
}

// Pair names a connection.
type Pair struct{ Client, Server netip.AddrPort }

// ends is what was last seen of both sockets of a connection.
type ends struct {
	since          time.Duration // when the first SYN was seen, or the first socket
	client, server end
	waited         time.Duration // in the accept queue, as far as samples saw
	calls          []evidence.Call
}

// end is one socket of a connection as it was last seen.
type end struct {
	evidence.Socket
	timer      kernel.Timer
	expires    time.Duration
	cookie     uint64 // of the socket; 0 if it is not known
	generation uint64 // of the sample that saw it
}

// exists reports whether there is such a socket.
func (e *end) exists() bool { return e.State != "" && e.State != evidence.None }

// movement is where the counters of one side were at first and at last.
type movement struct{ first, last queue.Counters }

// New starts with the counters as they are now. The script will make
// that many connections.
func New(c network.Clock, net *network.Network, connections int, packets *capture.Writer, events io.Writer, r *Room) (*Observer, error) {
	o := &Observer{
		clock:   c,
		net:     net,
		packets: packets,
		events:  record.NewEvents(within{r, events}),
		room:    r,
		conns:   map[Pair]*ends{},
		lost:    newLosses(),
		past:    map[string]past{},
		stale:   map[uint64]bool{},
		moved:   make(chan struct{}, 1),
		tracker: handshake.New(handshake.Config{
			Sides: evidence.ClientSide | evidence.ServerSide, Sockets: true,
			MaxAttempts: connections + spoofedKept, Real: []netip.Addr{net.Client.Addr},
		}),
	}
	return o, o.baseline(connections)
}

// spoofedKept is how many of the attempts that are not the script's own the
// model keeps one by one.
const spoofedKept = 100

// ExpectClient begins to follow a connection before its first packet.
func (o *Observer) ExpectClient(p Pair) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn(p, o.clock.Now())
}

// baseline takes the counters as they are for those before the experiment.
func (o *Observer) baseline(connections int) error {
	if err := o.reactions.start(o.net.Server.Reactions, connections); err != nil {
		return err
	}
	for i, side := range o.net.Sides() {
		var c queue.Counters
		if err := side.Samples.Read(&c); err != nil {
			return err
		}
		o.counters[i] = movement{first: clone(c), last: c}
	}
	return nil
}

// write puts an event into the recording. The caller holds mu.
func (o *Observer) write(ev record.Event) { o.note(o.events.Write(ev)) }

func (o *Observer) note(err error) {
	if o.err == nil {
		o.err = err
	}
}

// Failed returns what kept something out of the recording.
func (o *Observer) Failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Call takes a system call of the client of that name.
func (o *Observer) Call(name string, c evidence.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tracker.Call(c)
	ends := o.conn(Pair{c.Client, c.Server}, c.T)
	ends.calls = append(ends.calls, c)
	o.write(record.Event{T: c.T, Call: &record.ClientCall{Name: name, Call: recordCall(c)}})
}

func recordCall(c evidence.Call) answer.Call {
	took := answer.MS(c.Duration)
	return answer.Call{T: answer.MS(c.T), Call: c.Name, Result: c.Result, Errno: c.Errno, Duration: &took}
}

// Accepted takes a connection that accept() returned to a server of ours.
func (o *Observer) Accepted(server string, t time.Duration, peer string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.write(record.Event{T: t, Accept: &record.Accept{Server: server, Client: peer}})
	client, err := netip.ParseAddrPort(peer)
	if err != nil {
		return // accept() gave a connection without a peer
	}
	for _, l := range o.listeners {
		if l.name == server {
			o.tracker.Accepted(client, l.address, t)
		}
	}
}

// Setting gives the model a sysctl of the server's namespace.
func (o *Observer) Setting(name, value string) {
	if number, err := strconv.Atoi(value); err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tracker.Sysctl(name, number)
	}
}

// Step notes that a step of the script begins.
func (o *Observer) Step(line int, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.write(record.Event{T: o.clock.Now(), Step: &record.Step{Line: line, Text: text}})
}

// conn returns what is kept of a connection; since is when it was first seen.
func (o *Observer) conn(p Pair, since time.Duration) *ends {
	c, ok := o.conns[p]
	if !ok {
		c = &ends{since: since}
		o.conns[p] = c
	}
	return c
}

// lastSeen is conn without beginning to follow one.
func (o *Observer) lastSeen(p Pair) *ends {
	if c, ok := o.conns[p]; ok {
		return c
	}
	return &ends{}
}

func clone(c queue.Counters) queue.Counters {
	c.Values = append([]uint64(nil), c.Values...)
	return c
}
