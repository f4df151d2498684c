package queue

// DropCause is what raised sk_drops of a listener within a window.
type DropCause string

// The causes. Only what tcp_listendrop counts (include/net/tcp.h) raises the ListenDrops of the
// namespace as well. All else is discarded in tcp_v4_rcv and tcp_rcv_state_process, which raise
// sk_drops alone.
const (
	DropUnknown DropCause = ""             // not known, or sk_drops did not rise
	DropQueue   DropCause = "queue"        // ListenDrops rose, too: a full queue, or no memory for what was asked
	DropDefer   DropCause = "defer-accept" // final ACKs without data, which TCP_DEFER_ACCEPT ignores
	DropReset   DropCause = "reset"        // clients reset their handshakes, as some health checks do
	DropOther   DropCause = "other"        // no queue: a filter at the socket, a SYN that was sent again, packets that begin nothing
)

// Harmless reports whether nobody fails by drops of that cause.
func (c DropCause) Harmless() bool { return c == DropDefer || c == DropReset }

// CounterSkew is how far two counters may be apart because they are not read at once.
const CounterSkew = 5

// dropped is what is known of the drops of one listener.
type dropped struct {
	n    Count // by how much its sk_drops rose
	all  Count // by how much sk_drops of all listeners of its namespace rose together
	full bool  // its accept queue was seen full
}

// cause finds out what raised sk_drops. A queue raises ListenDrops with it, once for a SYN and
// once for two where an ACK was dropped (see splitDrops). Of the rest, TCP_DEFER_ACCEPT and
// handshakes that their client resets have counters of their own (tcp_check_req,
// net/ipv4/tcp_minisocks.c), which have to account for all of it.
func (d dropped) cause(n *NamespaceTrend) DropCause {
	if !d.n.Known || d.n.N == 0 || n == nil {
		return DropUnknown
	}
	listenDrops := n.Moved("TcpExtListenDrops")
	switch {
	case !listenDrops.Known || listenDrops.N == 0 && d.full:
		return DropUnknown
	case listenDrops.N > 0 && d.n.N <= 2*listenDrops.N+CounterSkew:
		return DropQueue
	case listenDrops.N > 0 || !d.all.Known:
		return DropOther
	}
	deferred, reset := n.Moved("TcpExtTCPDeferAcceptDrop").N, n.Moved("TcpExtEmbryonicRsts").N
	switch explained := deferred + reset; {
	case explained == 0 || d.all.N > explained+explained/CounterSkew+1:
		return DropOther
	case deferred >= reset:
		return DropDefer
	}
	return DropReset
}

// dropsOf adds up the drops of the listeners of each namespace; unknown where one is.
type dropsOf map[NetnsID]Count

func (all dropsOf) add(id NetnsID, n Count) {
	sum, seen := all[id]
	known := n.Known && (sum.Known || !seen)
	if !known {
		all[id] = Count{}
		return
	}
	all[id] = Known(sum.N + n.N)
}

// nameDrops sets DroppedBy of each listener.
func nameDrops(all []Trend, namespaces []NamespaceTrend) {
	sums := dropsOf{}
	for i := range all {
		sums.add(all[i].Listener.Netns, all[i].Dropped)
	}
	for i := range all {
		t := &all[i]
		if !t.Dropped.Known || t.Dropped.N == 0 {
			continue
		}
		d := dropped{n: t.Dropped, all: sums[t.Listener.Netns], full: t.Listener.FullAt(t.AcceptMax)}
		for j := range namespaces {
			if n := &namespaces[j]; n.Namespace.ID == t.Listener.Netns {
				t.DroppedBy = d.cause(n)
			}
		}
	}
}
