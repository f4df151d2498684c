package kernel

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func (ns namespace) host(t testing.TB, o HostOptions) *Host {
	t.Helper()
	var h *Host
	ns.do(t, func() (err error) {
		h, err = OpenHost(o)
		return err
	})
	t.Cleanup(func() { h.Close() })
	return h
}

func sample(t testing.TB, h *Host) (s queue.Sample) {
	t.Helper()
	check(t, h.Sample(&s))
	return s
}

// at is the one listener at that address.
func at(t testing.TB, s *queue.Sample, address string) *queue.Listener {
	t.Helper()
	for i := range s.Listeners {
		if s.Listeners[i].Address == netip.MustParseAddrPort(address) {
			return &s.Listeners[i]
		}
	}
	t.Fatalf("no listener at %s among %+v", address, s.Listeners)
	return nil
}

// listenShared is listen with SO_REUSEPORT.
func (ns namespace) listenShared(t testing.TB, address string, backlog int) int {
	t.Helper()
	a := netip.MustParseAddrPort(address)
	fd := ns.socket(t, a.Addr())
	check(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	check(t, unix.Bind(fd, sockaddr(a)))
	check(t, unix.Listen(fd, backlog))
	return fd
}

func (ns namespace) id(t testing.TB) queue.NetnsID {
	t.Helper()
	var st unix.Stat_t
	check(t, unix.Fstat(ns.fd, &st))
	return queue.NetnsID(st.Ino)
}

func TestHostSample(t *testing.T) {
	ns := newNamespace(t, 0)
	overflow(t, ns) // 127.0.0.1:80
	six, _ := ns.listen(t, "[::]:81", 7)
	h := ns.host(t, HostOptions{})
	before := time.Now()
	first := sample(t, h)
	s := sample(t, h)

	want := queue.Listener{
		Address: netip.MustParseAddrPort("[::]:81"), Netns: ns.id(t), Inode: inode(t, six), Cookie: cookie(t, six),
		DualStack: true, AcceptLimit: 7, Drops: queue.Known(0),
	}
	if diff := cmp.Diff(want, *at(t, &s, "[::]:81"), cmp.Comparer(sameAddrPort)); diff != "" {
		t.Errorf("listener without options (-want +got):\n%s", diff)
	}
	full := at(t, &s, "127.0.0.1:80")
	if !full.Full() || full.Drops.N == 0 || full.DualStack {
		t.Errorf("listener that overflowed is %+v", full)
	}
	if first.T >= s.T || s.Time.Before(before.Round(0)) || s.Kernel == "" || len(s.Missing) > 0 || len(s.Listeners) != 2 {
		t.Errorf("sample at %v after one at %v: %+v", s.T, first.T, s)
	}
	if len(s.Namespaces) != 1 {
		t.Fatalf("%d namespaces, want the caller's own", len(s.Namespaces))
	}
	n := s.Namespaces[0]
	if overflows, _ := n.Counters.Get("TcpExtListenOverflows"); n.ID != ns.id(t) || n.Host || n.Counters.T != s.T || overflows == 0 {
		t.Errorf("namespace is %+v", n)
	}
	for _, name := range sysctlNames {
		if n.Sysctls[name] == "" {
			t.Errorf("no %s among %v", name, n.Sysctls)
		}
	}
}

// The settings are those of the namespace, and read again.
func TestHostSysctls(t *testing.T) {
	ns := newNamespace(t, 0)
	set := func(value string) {
		ns.do(t, func() error { return os.WriteFile("/proc/sys/net/core/somaxconn", []byte(value), 0) })
	}
	set("77")
	h := ns.host(t, HostOptions{})
	somaxconn := func() string {
		s := sample(t, h)
		return s.Namespaces[0].Sysctls["net.core.somaxconn"]
	}
	if got := somaxconn(); got != "77" {
		t.Errorf("somaxconn is %s, want 77", got)
	}
	set("88")
	h.start = h.start.Add(-2 * sysctlsHold)
	if got := somaxconn(); got != "88" {
		t.Errorf("somaxconn is %s after it was set to 88", got)
	}
}

// A request belongs to the listener at its very address, or else to the one at any.
func TestHostRequests(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	for _, listen := range []string{"0.0.0.0:80", "127.0.0.1:80", "[::]:81", "[::1]:81", "127.0.0.1:82"} {
		ns.listenShared(t, listen, 8)
	}
	ns.listenShared(t, "127.0.0.1:82", 8)
	for _, to := range []string{"127.0.0.1:80", "127.0.0.2:80", "127.0.0.3:80", "127.0.0.4:81", "[::1]:81", "127.0.0.1:82"} {
		ns.connectDeaf(t, netip.MustParseAddrPort(to))
	}
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.SynRecv) == 6 })

	s := sample(t, ns.host(t, HostOptions{Requests: true}))
	for address, want := range map[string]uint64{"0.0.0.0:80": 2, "127.0.0.1:80": 1, "[::]:81": 1, "[::1]:81": 1, "127.0.0.1:82": 1} {
		if l := at(t, &s, address); l.SynLen != queue.Known(want) || l.SynAge != 0 {
			t.Errorf("%s has %+v requests of age %v, want %d", address, l.SynLen, l.SynAge, want)
		}
	}
	for _, l := range s.Listeners {
		if shared := l.Address.Port() == 82; shared != (l.Shared == 2) || l.Waiting != nil {
			t.Errorf("%s is shared by %d, waiting is %+v", l.Address, l.Shared, l.Waiting)
		}
	}
}

func TestHostWaiting(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	listener, addr := ns.listen(t, "0.0.0.0:80", 8)
	ns.listen(t, "127.0.0.1:81", 8) // nobody waits there
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addr.Port())
	h := ns.host(t, HostOptions{Waiting: true})
	ns.connect(t, to)
	closed := ns.connect(t, to)
	check(t, unix.Shutdown(closed, unix.SHUT_WR))
	ns.connect(t, to)
	accept(t, listener)
	await(t, d, everything, func(s []Socket) bool {
		return countState(s, evidence.CloseWait) == 1 && countState(s, evidence.Established) == 4
	})
	time.Sleep(50 * time.Millisecond) // for the wait to be something
	s := sample(t, h)

	l := at(t, &s, "0.0.0.0:80")
	if l.Waiting == nil || l.AcceptLen != 2 {
		t.Fatalf("listener is %+v", l)
	}
	w := *l.Waiting
	if w.Len != 2 || w.Closed != 1 || len(w.Waits) != 2 || w.Age != 0 || w.Waits[0] < w.Waits[1] || w.Waits[1] < 20*time.Millisecond {
		t.Errorf("waiting is %+v", w)
	}
	if w := at(t, &s, "127.0.0.1:81").Waiting; w != nil {
		t.Errorf("%+v wait in an empty queue", w)
	}

	accept(t, listener)
	accept(t, listener)
	s = sample(t, h)
	if w := at(t, &s, "0.0.0.0:80").Waiting; w != nil {
		t.Errorf("%+v wait in a queue that is empty again", w)
	}
}

// Without budget the first walk is carried on, with its age, until drops rise.
func TestHostCarriesWalks(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	_, addr := ns.listen(t, "127.0.0.1:80", 2)
	ns.connectDeaf(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.SynRecv) == 1 })
	h := ns.host(t, HostOptions{Requests: true, Waiting: true, Budget: 1e-9})
	first := sample(t, h)
	if l := first.Listeners[0]; l.SynLen != queue.Known(1) || l.SynAge != 0 {
		t.Errorf("%+v requests of age %v at first, want 1 of 0", l.SynLen, l.SynAge)
	}
	for range 3 { // fill the accept queue
		ns.connect(t, addr)
	}
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 6 })
	second := sample(t, h)
	if l := second.Listeners[0]; l.SynLen != queue.Known(1) || l.SynAge <= 0 || l.SynAge > second.T || l.AcceptLen != 3 || l.Waiting != nil {
		t.Errorf("without a walk the listener is %+v, %v after the first", l, second.T-first.T)
	}

	ns.connectDeaf(t, addr) // dropped
	await(t, d, everything, func(s []Socket) bool {
		return find(t, s, func(s Socket) bool { return s.State == evidence.Listen }).Memory.Drops().N > 0
	})
	third := sample(t, h)
	if l := third.Listeners[0]; l.SynAge != 0 || l.Waiting == nil || l.Waiting.Len != 3 {
		t.Errorf("after a drop the listener is %+v, want it looked into", l)
	}
	fourth := sample(t, h)
	if l := fourth.Listeners[0]; l.Waiting == nil || l.Waiting.Age <= 0 || l.Waiting.Age > fourth.T-third.T || l.Waiting.Len != 3 {
		t.Errorf("waiting is carried as %+v", l.Waiting)
	}
}

// A new socket at an old address has nothing to do with the old one's requests.
func TestHostRecreatedListener(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	fd, addr := ns.listen(t, "127.0.0.1:80", 8)
	ns.connectDeaf(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.SynRecv) == 1 })
	h := ns.host(t, HostOptions{Requests: true, Budget: 1e-9})
	sample(t, h)
	// The descriptor's number is taken by the new socket: the test closes that.
	again := ns.socket(t, addr.Addr())
	check(t, unix.SetsockoptInt(again, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	check(t, unix.Shutdown(fd, unix.SHUT_RD))
	check(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	check(t, unix.Bind(again, sockaddr(addr)))
	check(t, unix.Listen(again, 8))
	s := sample(t, h)
	if l := s.Listeners[0]; len(s.Listeners) != 1 || l.Cookie != cookie(t, again) || l.SynLen.Known {
		t.Errorf("listeners are %+v, want the new one and nothing known of its requests", s.Listeners)
	}
}

func TestHostListenerVanishes(t *testing.T) {
	ns := newNamespace(t, 0)
	fd, _ := ns.listen(t, "127.0.0.1:80", 8)
	h := ns.host(t, HostOptions{Requests: true, Waiting: true})
	sample(t, h)
	check(t, unix.Shutdown(fd, unix.SHUT_RD))
	s := sample(t, h)
	if len(s.Listeners) > 0 || len(s.Missing) > 0 || len(h.namespaces[0].groups) > 0 {
		t.Errorf("sample after it is %+v", s)
	}
}

func TestHostClosed(t *testing.T) {
	h := newNamespace(t, 0).host(t, HostOptions{})
	check(t, h.Close())
	if err := h.Sample(new(queue.Sample)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v, want %v", err, os.ErrClosed)
	}
}

// A sample of 100 listeners allocates as often as one of a single listener.
func TestHostAllocates(t *testing.T) {
	allocations := func(listeners int) float64 {
		ns := newNamespace(t, buckets)
		for i := range listeners {
			ns.listen(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(1000+i)).String(), 8)
		}
		h := ns.host(t, HostOptions{Requests: true, Waiting: true})
		var s queue.Sample
		check(t, h.Sample(&s))
		return testing.AllocsPerRun(50, func() { check(t, h.Sample(&s)) })
	}
	few, many := allocations(1), allocations(100)
	if many > few+1 {
		t.Errorf("a sample of 100 listeners allocates %v times, one of 1 listener %v times", many, few)
	}
}

// Samples share nothing that a later one changes.
func TestHostSamplesAreApart(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	_, addr := ns.listen(t, "127.0.0.1:80", 8)
	ns.connect(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 2 })
	h := ns.host(t, HostOptions{Requests: true, Waiting: true})
	first := sample(t, h)
	var kept queue.Sample
	h2 := queue.NewHistory(time.Minute)
	h2.Add(&first)
	kept = *h2.Last()
	ns.connect(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 4 })
	sample(t, h)
	if diff := cmp.Diff(kept, first, cmp.Comparer(sameAddrPort), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the first sample changed (-before +after the second):\n%s", diff)
	}
}

func hasMissing(s *queue.Sample, text string) bool {
	return slices.ContainsFunc(s.Missing, func(m queue.Missing) bool {
		return strings.Contains(m.What+" "+m.Why+" "+m.Hint, text)
	})
}
