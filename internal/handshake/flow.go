package handshake

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// flowKey is two ends of packets, the lower one first: one look finds the attempts of
// both directions. It holds no pointer, so that it is hashed as it lies in memory.
type flowKey struct {
	low, high host
	ports     uint64
}

// host is an address of 16 bytes as two numbers.
type host struct{ upper, lower uint64 }

func hostOf(a netip.Addr) host {
	b := a.As16()
	return host{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (h host) less(o host) bool {
	return h.upper < o.upper || h.upper == o.upper && h.lower < o.lower
}

// flow is the latest attempt of each direction: of the lower end as client, and of the
// higher one.
type flow [2]*Attempt

// recentFlow is one that was looked up.
type recentFlow struct {
	key  flowKey
	flow flow
}

// recentFlows are those that packets come of at one time, as many as stay in the cache of
// the processor. It is a power of two.
const recentFlows = 1 << 10

// keyOf returns the key of two ends, and which of the flow's attempts is that of the
// first as client.
func keyOf(from, to netip.AddrPort) (k flowKey, direction int) {
	a, b := hostOf(from.Addr()), hostOf(to.Addr())
	if b.less(a) || a == b && from.Port() > to.Port() {
		return flowKey{b, a, uint64(to.Port())<<16 | uint64(from.Port())}, 1
	}
	return flowKey{a, b, uint64(from.Port())<<16 | uint64(to.Port())}, 0
}

// slot is where a flow is kept among the recent ones. Two of one place cost time alone.
func (k *flowKey) slot() uint64 {
	h, l := bits.Mul64(k.low.lower^k.low.upper^0xa0761d6478bd642f, k.high.lower^k.high.upper^k.ports<<32^0xe7037ed1a0b428db)
	return (h ^ l) % recentFlows
}

// is compares number by number, which is faster than a comparison of memory.
func (k *flowKey) is(o *flowKey) bool {
	return k.ports == o.ports && k.high.lower == o.high.lower && k.low.lower == o.low.lower &&
		k.high.upper == o.high.upper && k.low.upper == o.low.upper
}

// flow returns what is known of a flow.
func (t *Tracker) flow(k *flowKey) flow {
	r := &t.recent[k.slot()]
	if !r.key.is(k) {
		*r = recentFlow{*k, t.flows[*k]}
	}
	return r.flow
}

// put keeps the latest attempt of a direction; nil for none.
func (t *Tracker) put(k *flowKey, direction int, a *Attempt) {
	f := t.flow(k)
	f[direction] = a
	t.recent[k.slot()].flow = f
	if f == (flow{}) {
		delete(t.flows, *k)
		return
	}
	t.flows[*k] = f
}

// of returns the latest attempt of a client at a server; nil for none.
func (t *Tracker) of(client, server netip.AddrPort) *Attempt {
	k, direction := keyOf(client, server)
	return t.flow(&k)[direction]
}
