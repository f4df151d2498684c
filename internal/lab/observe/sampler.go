package observe

import (
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/network"
	"listenq/internal/queue"
	"listenq/internal/record"
)

// sampler reads the sockets of both sides. Its slices are reused.
type sampler struct {
	generation  uint64
	connections []kernel.Socket
	listeners   []kernel.Socket
	info        []byte // what the Info of all of them points into
	counters    queue.Counters
}

// Sample looks at every socket and counter of both sides once.
func (o *Observer) Sample() error { return o.sampleAfter(0) }

// sampleAfter is a sample that leaves out the counters, which cost more than a few
// sockets, if they were read less than gap ago.
func (o *Observer) sampleAfter(gap time.Duration) error {
	o.sampling.Lock()
	defer o.sampling.Unlock()
	o.samples.Add(1)
	if err := o.look(o.net.Sides(), true); err != nil {
		return err
	}
	if time.Since(o.counted) < gap {
		return nil
	}
	o.counted = time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.takeCounters(o.clock.Now())
}

// Glance looks at what can change without a frame: what the server's sockets
// are, without their TCP_INFO. It costs a third of a sample.
func (o *Observer) Glance() error {
	o.sampling.Lock()
	defer o.sampling.Unlock()
	return o.look(o.net.Sides()[:1], false)
}

// look reads the sockets of those sides. The caller holds sampling.
func (o *Observer) look(sides []*network.Side, info bool) error {
	s := &o.sampler
	s.generation++
	s.connections, s.listeners, s.info = s.connections[:0], s.listeners[:0], s.info[:0]
	t := o.clock.Now()
	for _, side := range sides {
		if err := s.read(side.Diag, info); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.takeConnections(t, len(sides) == len(o.net.Sides()))
	o.takeListeners(t)
	o.takePending(t)
	return nil
}

// read dumps one namespace: one walk for everything costs least.
func (s *sampler) read(d *kernel.Diag, info bool) error {
	return d.Dump(kernel.Request{States: kernel.AllStates, Info: info, Memory: true}, func(k *kernel.Socket) error {
		if k.State == evidence.Listen {
			s.listeners = append(s.listeners, s.keep(k))
		} else {
			s.connections = append(s.connections, s.keep(k))
		}
		return nil
	})
}

// keep copies a socket that is valid only during a dump.
func (s *sampler) keep(k *kernel.Socket) kernel.Socket {
	kept, from := *k, len(s.info)
	s.info = append(s.info, k.Info...)
	kept.Info = s.info[from:len(s.info):len(s.info)]
	return kept
}

// letFrames is after how many sockets the wire may have its turn.
const letFrames = 64

// takeConnections gives the sockets of a sample to the model: a connection
// that has none on one side is reported as such, on the client's only if that was looked at.
func (o *Observer) takeConnections(t time.Duration, clients bool) {
	for i := range o.sampler.connections {
		if i%letFrames == letFrames-1 {
			o.mu.Unlock() // frames would overrun the wire's ring while thousands of sockets are taken
			o.mu.Lock()
		}
		o.takeConnection(t, &o.sampler.connections[i])
	}
	for p, c := range o.conns {
		if c.since >= t {
			continue
		}
		if clients {
			o.takeAbsent(t, p, &c.client, evidence.ClientSide)
		}
		o.takeAbsent(t, p, &c.server, evidence.ServerSide)
	}
}

func (o *Observer) takeConnection(t time.Duration, k *kernel.Socket) {
	p, side := Pair{k.Remote, k.Local}, evidence.ServerSide
	if !o.listens(k.Local) {
		p, side = Pair{k.Local, k.Remote}, evidence.ClientSide
	}
	if p.Client.Addr() != o.net.Client.Addr {
		return // spoofed
	}
	if o.stale[k.Cookie] && side == evidence.ServerSide {
		return // of a connection whose port is another's now
	}
	c := o.conn(p, t)
	e := &c.server
	if side == evidence.ClientSide {
		e = &c.client
	}
	now := evidence.Socket{
		T: t, Side: side, Client: p.Client, Server: p.Server, State: k.State, Owned: k.Inode != 0,
		Retransmits: k.Retransmits, RecvQ: int(k.RecvQ), SendQ: int(k.SendQ),
	}
	if side == evidence.ServerSide && k.Inode == 0 {
		now.Wait = e.waited(k, t)
		c.waited = max(c.waited, now.Wait)
	}
	o.takeEnd(e, now, k)
}

// waited is how long a connection has been in the accept queue: the kernel
// reports with TCP_INFO, and time goes on.
func (e *end) waited(k *kernel.Socket, t time.Duration) time.Duration {
	if wait, ok := k.Info.LastDataSent(); ok {
		return wait
	}
	if e.exists() && !e.Owned && e.State == k.State {
		return e.Wait + t - e.T
	}
	return 0
}

// takeEnd keeps what one socket is now. If it changed it goes to the model and
// the recording. Without a socket k is nil.
func (o *Observer) takeEnd(e *end, now evidence.Socket, k *kernel.Socket) {
	before := e.Socket
	before.T, before.Wait = now.T, now.Wait
	e.Socket, e.generation = now, o.sampler.generation
	e.timer, e.expires, e.cookie = kernel.TimerNone, 0, 0
	if k != nil {
		e.timer, e.expires, e.cookie = k.Timer, k.Expires, k.Cookie
	}
	if before != now || now.State == evidence.None {
		o.tracker.Socket(now) // that there is none is news each time: what is missing after the last packet is gone
	}
	if before != now {
		o.write(record.Event{T: now.T, Socket: recordSocket(e, k)})
	}
}

func (o *Observer) takeAbsent(t time.Duration, p Pair, e *end, side evidence.Side) {
	if e.generation != o.sampler.generation {
		o.takeEnd(e, evidence.Socket{T: t, Side: side, Client: p.Client, Server: p.Server, State: evidence.None}, nil)
	}
}

func recordSocket(e *end, k *kernel.Socket) *record.SocketState {
	s := &record.SocketState{
		Side: "server", Client: e.Client.String(), Server: e.Server.String(),
		State: e.State, Owned: e.Owned, RecvQ: e.RecvQ, SendQ: e.SendQ, Retransmits: e.Retransmits,
	}
	if e.Side == evidence.ClientSide {
		s.Side = "client"
	}
	if e.timer != kernel.TimerNone {
		s.Timer, s.Expires = e.timer.String(), answer.MS(e.expires)
	}
	if e.Wait > 0 {
		wait := answer.MS(e.Wait)
		s.Wait = &wait
	}
	if k != nil {
		s.Info = changedInfo(k.Info)
	}
	return s
}

// changedInfo is struct tcp_info by field, without those that are 0: meta.json
// lists all that the kernel has.
func changedInfo(info kernel.TCPInfo) map[string]uint64 {
	if len(info) == 0 {
		return nil
	}
	m := map[string]uint64{}
	for name, value := range info.All() {
		if value != 0 {
			m[name] = value
		}
	}
	return m
}

// takePending makes up for the readings that a flood left out, and on loopback
// for all.
func (o *Observer) takePending(t time.Duration) {
	if o.reactions.pending == 0 {
		return
	}
	reaction, ok, err := o.reactions.rest(t, !o.net.Loopback())
	o.note(err)
	if ok {
		o.reaction(reaction)
	}
}

// takeCounters keeps the counters of both sides. The caller holds mu.
func (o *Observer) takeCounters(t time.Duration) error {
	for i, side := range o.net.Sides() {
		if err := side.Samples.Read(&o.sampler.counters); err != nil {
			return err
		}
		m := &o.counters[i]
		if delta := difference(m.last, o.sampler.counters, isTCP); len(delta) > 0 {
			o.write(record.Event{T: t, Counters: &record.CounterSample{Side: side.Name, Delta: delta}})
			m.last, o.sampler.counters = o.sampler.counters, m.last
		}
	}
	return nil
}

// difference is how far the TCP counters moved; nil if they did not. The names
// of both may differ (the kernel shows new ICMP types as they come).
func difference(from, to queue.Counters, kept func(name string) bool) map[string]uint64 {
	var moved map[string]uint64
	for i, name := range to.Names {
		before := valueAt(from, i, name)
		if to.Values[i] == before || !kept(name) {
			continue
		}
		if moved == nil {
			moved = map[string]uint64{}
		}
		moved[name] = to.Values[i] - before
	}
	return moved
}

// valueAt is the counter of that name, which is likely to be the i-th; 0 if the
// kernel did not show it yet.
func valueAt(c queue.Counters, i int, name string) uint64 {
	if i < len(c.Names) && c.Names[i] == name {
		return c.Values[i]
	}
	value, _ := c.Get(name)
	return value
}

// isTCP leaves out the counters of IP, ICMP and UDP.
func isTCP(name string) bool { return len(name) > 3 && name[:3] == "Tcp" }
