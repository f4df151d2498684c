package queue

// Paths splits the drops of a listener by what was dropped.
type Paths struct {
	SYN Count // SYNs, and the final ACKs of cookie handshakes: one drop each
	ACK Count // final ACKs and data of requests: they count twice in sk_drops
}

// splitDrops sets Paths of each listener, where that is sound: a dropped
// ACK of a request adds 1 to ListenDrops and 2 to sk_drops, all other drops add 1 to
// both (tcp_v4_rcv and tcp_listendrop, Linux 4.9 to 6.18). So with one listener that
// drops in its namespace, and nothing else that moves sk_drops, the two show how many
// of each there were.
func splitDrops(all []Trend, namespaces []NamespaceTrend) {
	dropping := map[NetnsID]int{}
	for i := range all {
		if t := &all[i]; !t.Dropped.Known || t.Dropped.N > 0 {
			dropping[t.Listener.Netns]++
		}
	}
	for i := range all {
		t := &all[i]
		if dropping[t.Listener.Netns] != 1 || !t.Dropped.Known || t.Dropped.N == 0 {
			continue
		}
		for j := range namespaces {
			if n := &namespaces[j]; n.Namespace.ID == t.Listener.Netns && n.Window == t.Window {
				t.Paths = split(t.Dropped.N, n)
			}
		}
	}
}

func split(drops uint64, n *NamespaceTrend) Paths {
	listenDrops := n.Moved("TcpExtListenDrops")
	if !listenDrops.Known || drops < listenDrops.N || drops > 2*listenDrops.N {
		return Paths{}
	}
	for _, c := range CounterTable {
		if moved := n.Moved(c.Name); c.Noise && moved.Known && moved.N > 0 {
			return Paths{}
		}
	}
	return Paths{SYN: Known(2*listenDrops.N - drops), ACK: Known(drops - listenDrops.N)}
}
