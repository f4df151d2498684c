package observe

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/queue"
	"listenq/internal/record"
)

// Listener is a listening socket that the script started, as it was last seen.
type Listener struct {
	name    string
	address netip.AddrPort // where clients connect to
	inode   uint32         // identifies the member of a SO_REUSEPORT group
	queue.Listener
	open      bool
	first     answer.ListenerState // before the first client
	fullest   answer.ListenerState // when it held the most beyond its limit
	acceptMax int
	synMax    int
	shared    bool // with another listener's port: whose requests and waiting connections there are is not known
	waiting   int  // connections that nobody owns
	info      kernel.TCPInfo
}

// Listen begins to watch a listening socket.
func (o *Observer) Listen(name string, address netip.AddrPort, inode uint32) *Listener {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := &Listener{name: name, address: address, inode: inode}
	o.listeners = append(o.listeners, l)
	return l
}

// Before keeps the listener's state as that before the first client.
func (o *Observer) Before(l *Listener) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l.first = l.state()
}

func (o *Observer) AcceptLen(l *Listener) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return l.AcceptLen
}

// InfoFields are the fields of struct tcp_info that this kernel gives.
func (o *Observer) InfoFields() (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.listeners {
		for name := range l.info.All() {
			names = append(names, name)
		}
		if names != nil {
			break
		}
	}
	return names
}

// listens reports whether an address is that of a listener of the script.
func (o *Observer) listens(local netip.AddrPort) bool {
	for _, l := range o.listeners {
		if l.address.Port() == local.Port() {
			return true
		}
	}
	return false
}

// takeListeners gives the listeners of a sample to the model and, if their
// queues changed, to the recording.
func (o *Observer) takeListeners(t time.Duration) {
	for _, l := range o.listeners {
		before, wasOpen := l.Listener, l.open
		l.open = false
		for i := range o.sampler.listeners {
			if k := &o.sampler.listeners[i]; l.is(k) {
				l.take(k)
			}
		}
		l.count(o.sampler.connections, o.shared(l))
		if l.Queues() == before.Queues() && wasOpen == l.open {
			continue
		}
		o.tracker.Listener(evidence.Queues{
			T: t, Address: l.address, Inode: l.inode, Open: l.open,
			AcceptLen: l.AcceptLen, AcceptLimit: l.AcceptLimit, SynLen: l.requests(),
		})
		o.write(record.Event{T: t, Listener: &record.ListenerSample{Name: l.name, ListenerState: l.state(), Drops: count(l.Drops)}})
	}
}

func (l *Listener) is(k *kernel.Socket) bool {
	return k.Local.Port() == l.address.Port() && k.Inode == l.inode
}

// take keeps what a listening socket is now. Its TCP_INFO, which a glance does not
// bring, holds for as long as the queue does not change.
func (l *Listener) take(k *kernel.Socket) {
	now := k.Listener()
	if len(k.Info) > 0 || now.AcceptLen != l.AcceptLen || now.AcceptLimit != l.AcceptLimit {
		l.info = append(l.info[:0], k.Info...)
	}
	l.Listener, l.open = now, true
	l.acceptMax = max(l.acceptMax, l.AcceptLen)
	if !l.fullest.Open || l.AcceptLen-l.AcceptLimit > l.fullest.AcceptLen-l.fullest.AcceptLimit {
		l.fullest = l.state()
	}
}

// shared reports whether another listener has the same port: the kernel does
// not show then whose a request is, nor whose a waiting connection is.
func (o *Observer) shared(l *Listener) bool {
	return slices.ContainsFunc(o.listeners, func(other *Listener) bool {
		return other != l && other.address.Port() == l.address.Port()
	})
}

// count counts requests and waiting connections on the listener's port.
func (l *Listener) count(connections []kernel.Socket, shared bool) {
	var requests uint64
	l.waiting, l.SynLen, l.shared = unknown, queue.Count{}, shared
	if shared {
		return
	}
	l.waiting = 0
	for i := range connections {
		k := &connections[i]
		if k.Local.Port() != l.address.Port() {
			continue
		}
		switch k.State {
		case evidence.SynRecv:
			requests++
		case evidence.Established, evidence.CloseWait:
			if k.Inode == 0 {
				l.waiting++
			}
		}
	}
	l.SynLen = queue.Known(requests)
	l.synMax = max(l.synMax, int(requests))
}

// unknown is a number that could not be counted.
const unknown = -1

func (l *Listener) state() answer.ListenerState {
	return answer.ListenerState{Open: l.open, AcceptLen: l.AcceptLen, AcceptLimit: l.AcceptLimit, SynLen: l.synLen()}
}

// synLen is the length of the SYN queue; nil if it is not known.
func (l *Listener) synLen() *int {
	if !l.SynLen.Known {
		return nil
	}
	return new(l.requests())
}

// count is a Count in JSON: absent if unknown.
func count(c queue.Count) *uint64 {
	if !c.Known {
		return nil
	}
	return &c.N
}

// requests is the length of the SYN queue for the model.
func (l *Listener) requests() int {
	if !l.SynLen.Known {
		return unknown
	}
	return int(l.SynLen.N)
}

// mostRequests is the longest SYN queue seen; nil if it could not be counted.
func (l *Listener) mostRequests() *int {
	if l.shared {
		return nil
	}
	return new(l.synMax)
}

// result is the listener in the result.
func (l *Listener) result() answer.RunListener {
	return answer.RunListener{
		Name: l.name, Address: l.address.String(), AcceptLimit: l.AcceptLimit, AcceptMax: l.acceptMax,
		SynMax: l.mostRequests(), Drops: count(l.Drops), Fullest: l.fullest, Before: l.first, After: l.state(), Info: maps.Collect(l.info.All()),
	}
}

// FindListener returns a listening socket of the server's namespace that is not yet followed:
// the one on that port, or any if it is 0.
func (o *Observer) FindListener(port int) (found uint16, inode uint32, err error) {
	o.sampling.Lock()
	defer o.sampling.Unlock()
	err = o.net.Server.Diag.Dump(kernel.Request{States: kernel.States(evidence.Listen)}, func(k *kernel.Socket) error {
		if (port == 0 || int(k.Local.Port()) == port) && !o.listens(k.Local) {
			found, inode = k.Local.Port(), k.Inode
		}
		return nil
	})
	return found, inode, err
}
