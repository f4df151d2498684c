package diagnose

import (
	"net/netip"
	"slices"
	"time"

	"listenq/internal/queue"
)

const step = 100 * time.Millisecond

// scene is one moment of a host that a test describes.
type scene struct {
	i         int // which sample
	counters  map[string]uint64
	sysctls   map[string]string
	listeners []queue.Listener
	inside    []queue.Listener // of a second network namespace
	somaxconn string           // of that; empty: there is none
}

// defaults are the settings of a healthy host.
func defaults() map[string]string {
	return map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_syncookies": "1", "net.ipv4.tcp_abort_on_overflow": "0"}
}

// watched is a history of so many samples, 100 ms apart.
func watched(samples int, describe func(*scene)) *queue.History {
	h := queue.NewHistory(time.Minute)
	for i := range samples {
		s := scene{i: i, counters: map[string]uint64{"TcpExtListenOverflows": 0}, sysctls: defaults()}
		describe(&s)
		h.Add(s.sample())
	}
	return h
}

func (s *scene) sample() *queue.Sample {
	at := time.Duration(s.i) * step
	all := &queue.Sample{T: at, Kernel: "6.18.0", Listeners: slices.Concat(s.listeners, s.inside)}
	host := queue.Namespace{ID: 1, Host: true, Sysctls: s.sysctls, Counters: queue.Counters{T: at}}
	for name, v := range s.counters {
		host.Counters.Names = append(host.Counters.Names, name)
		host.Counters.Values = append(host.Counters.Values, v)
	}
	all.Namespaces = append(all.Namespaces, host)
	if s.somaxconn != "" {
		all.Namespaces = append(all.Namespaces, queue.Namespace{
			ID: 2, Name: "web", Sysctls: map[string]string{"net.core.somaxconn": s.somaxconn}, Counters: queue.Counters{T: at},
		})
	}
	for i := range all.Listeners {
		all.Listeners[i].Cookie = uint64(i + 1)
		if i >= len(s.listeners) {
			all.Listeners[i].Netns = 2
		} else {
			all.Listeners[i].Netns = 1
		}
	}
	return all
}

// n is a number that grows by so much each sample.
func (s *scene) n(each int) uint64 { return uint64(s.i * each) }

// listens is a listener of an api, with room.
func listens(length, limit int, drops uint64) queue.Listener {
	return queue.Listener{
		Address:   netip.MustParseAddrPort("0.0.0.0:8080"),
		AcceptLen: length, AcceptLimit: limit, Drops: queue.Known(drops),
		Processes: []queue.Process{{PID: 4121, Name: "api", State: "S"}},
	}
}

func on(address string, l queue.Listener) queue.Listener {
	l.Address = netip.MustParseAddrPort(address)
	return l
}

func by(l queue.Listener, p ...queue.Process) queue.Listener {
	l.Processes = p
	return l
}

// waits has the whole queue of a listener visible: the first came so long ago, each
// further one later by a gap.
func waits(l queue.Listener, oldest, gap time.Duration) queue.Listener {
	w := &queue.Waiting{Len: l.AcceptLen}
	for i := range l.AcceptLen {
		w.Waits = append(w.Waits, oldest-time.Duration(i)*gap)
	}
	l.Waiting = w
	return l
}

func closed(l queue.Listener, n int) queue.Listener {
	l.Waiting.Closed = n
	return l
}
