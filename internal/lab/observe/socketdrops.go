package observe

import (
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/filter"
	"listenq/internal/lab/network"
)

// SocketDrops reads sk_drops of the server's listening sockets, which are all that shows
// of a filter at a socket. Whoever uses it holds observer.mu.
type SocketDrops struct {
	Diag *kernel.Diag
	last uint64
}

// OpenSocketDrops begins with the drops that there are.
func OpenSocketDrops(server *network.Side) (d *SocketDrops, err error) {
	d = &SocketDrops{}
	err = kernel.InNetns(int(server.Netns.Fd()), func() (err error) {
		d.Diag, err = kernel.OpenDiag()
		return err
	})
	if err == nil {
		d.last, err = d.read()
	}
	return d, err
}

func (d *SocketDrops) read() (sum uint64, err error) {
	err = d.Diag.Dump(kernel.Request{States: kernel.States(evidence.Listen), Memory: true}, func(k *kernel.Socket) error {
		sum += uint64(k.Listener().Drops.N)
		return nil
	})
	return sum, err
}

// moved is how many there are more since the last call.
func (d *SocketDrops) moved() (int, error) {
	now, err := d.read()
	if err != nil || now < d.last { // a listener was closed
		d.last = now
		return 0, err
	}
	n := int(now - d.last)
	d.last = now
	return n, nil
}

// DropsAt makes the reactions count what a filter at a socket drops.
func (o *Observer) DropsAt(d *SocketDrops) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reactions.sockets = d
}

// FilteredBy lets the reactions count what a table keeps from the server's TCP.
func (o *Observer) FilteredBy(table *filter.Table) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reactions.filters = table
}
