package lab

import (
	"listenq/internal/evidence"
	"listenq/internal/kernel"
)

// socketDrops reads sk_drops of the server's listening sockets, which are all that tells
// of a filter at a socket. Whoever uses it holds observer.mu.
type socketDrops struct {
	diag *kernel.Diag
	last uint64
}

// openSocketDrops begins with the drops that there are.
func openSocketDrops(server *side) (d *socketDrops, err error) {
	d = &socketDrops{}
	err = kernel.InNetns(int(server.netns.Fd()), func() (err error) {
		d.diag, err = kernel.OpenDiag()
		return err
	})
	if err == nil {
		d.last, err = d.read()
	}
	return d, err
}

func (d *socketDrops) read() (sum uint64, err error) {
	err = d.diag.Dump(kernel.Request{States: kernel.States(evidence.Listen), Memory: true}, func(k *kernel.Socket) error {
		sum += uint64(k.Listener().Drops.N)
		return nil
	})
	return sum, err
}

// moved is how many there are more since the last call.
func (d *socketDrops) moved() (int, error) {
	now, err := d.read()
	if err != nil || now < d.last { // a listener was closed
		d.last = now
		return 0, err
	}
	n := int(now - d.last)
	d.last = now
	return n, nil
}

// dropsAt lets the reactions tell what a filter at a socket drops.
func (o *observer) dropsAt(d *socketDrops) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reactions.sockets = d
}
