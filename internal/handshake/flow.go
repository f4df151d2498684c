package handshake

import (
	"bytes"
	"net/netip"
)

// flowKey is two ends of packets, the lower one first: one look finds the attempts of
// both directions. It holds no pointer, so that it is hashed as it lies in memory.
type flowKey struct {
	low, high [16]byte
	ports     uint32
}

// flow is the latest attempt of each direction: of the lower end as client, and of the
// higher one.
type flow [2]*Attempt

// keyOf returns the key of two ends, and which of the flow's attempts is that of the
// first as client.
func keyOf(from, to netip.AddrPort) (k flowKey, direction int) {
	k = flowKey{from.Addr().As16(), to.Addr().As16(), uint32(from.Port())<<16 | uint32(to.Port())}
	switch c := bytes.Compare(k.low[:], k.high[:]); {
	case c > 0, c == 0 && from.Port() > to.Port():
		k.low, k.high, k.ports = k.high, k.low, k.ports<<16|k.ports>>16
		return k, 1
	}
	return k, 0
}

// flow returns what is known of a flow. Packets of one come in a row more often than not.
func (t *Tracker) flow(k flowKey) flow {
	if k != t.recentKey {
		t.recentKey, t.recent = k, t.flows[k]
	}
	return t.recent
}

// put keeps the latest attempt of a direction; nil for none.
func (t *Tracker) put(k flowKey, direction int, a *Attempt) {
	f := t.flow(k)
	f[direction] = a
	t.recent = f
	if f == (flow{}) {
		delete(t.flows, k)
		return
	}
	t.flows[k] = f
}

// of returns the latest attempt of a client at a server; nil for none.
func (t *Tracker) of(client, server netip.AddrPort) *Attempt {
	k, direction := keyOf(client, server)
	return t.flow(k)[direction]
}
