package kernel

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var everything = Request{Family: unix.AF_UNSPEC, States: AllStates, Info: true, Memory: true}

func TestDumpListener(t *testing.T) {
	tests := []struct {
		name, at, shown string
		family          int
	}{
		{"IPv4", "127.0.0.1:81", "127.0.0.1:81", unix.AF_INET},
		{"any IPv4", "0.0.0.0:82", "0.0.0.0:82", unix.AF_INET},
		{"IPv6", "[::1]:83", "[::1]:83", unix.AF_INET6},
		{"dual stack", "[::]:84", "[::]:84", unix.AF_INET6},
		{"IPv4-mapped", "[::ffff:127.0.0.1]:85", "127.0.0.1:85", unix.AF_INET6},
	}
	ns := newNamespace(t, 0)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := ns.diag(t)
			fd, addr := ns.listen(t, tt.at, 3)
			req := everything
			req.LocalPort = addr.Port()
			got := dump(t, d, req)
			if len(got) != 1 {
				t.Fatalf("got %d sockets, want 1: %+v", len(got), got)
			}
			want := queue.Listener{
				Address:     netip.MustParseAddrPort(tt.shown),
				Inode:       inode(t, fd),
				Cookie:      cookie(t, fd),
				DualStack:   tt.name == "dual stack",
				AcceptLimit: 3,
				Drops:       queue.Known(0),
			}
			if diff := cmp.Diff(want, got[0].Listener(), cmp.Comparer(sameAddrPort)); diff != "" {
				t.Errorf("listener (-want +got):\n%s", diff)
			}
			if got[0].Family != tt.family || got[0].State != evidence.Listen {
				t.Errorf("family %d, state %s; want %d, %s", got[0].Family, got[0].State, tt.family, evidence.Listen)
			}
		})
	}
}

func sameAddrPort(a, b netip.AddrPort) bool { return a == b }

// A full queue of limit 1 holds 2; who waits in it has inode 0 and its wait in
// last_data_sent.
func TestDumpAcceptQueue(t *testing.T) {
	for _, at := range []string{"127.0.0.1:80", "[::1]:80"} {
		t.Run(at, func(t *testing.T) {
			ns := newNamespace(t, 0)
			d := ns.diag(t)
			listener, addr := ns.listen(t, at, 1)
			before := time.Now()
			first, second := ns.connect(t, addr), ns.connect(t, addr)
			server := Request{Family: unix.AF_UNSPEC, States: AllStates, LocalPort: addr.Port(), Info: true, Memory: true}
			await(t, d, server, func(s []Socket) bool { return countState(s, evidence.Established) == 2 })
			queued := time.Now()

			check(t, unix.Shutdown(second, unix.SHUT_WR))
			await(t, d, server, func(s []Socket) bool { return countState(s, evidence.CloseWait) == 1 })
			ns.connectDeaf(t, addr) // its SYN finds the queue full
			await(t, d, server, func(s []Socket) bool {
				l := find(t, s, func(s Socket) bool { return s.State == evidence.Listen })
				return l.Memory.Drops().N > 0
			})

			time.Sleep(100 * time.Millisecond) // for the wait to be something
			start := time.Now()
			sockets := dump(t, d, server)
			end := time.Now()
			l := find(t, sockets, func(s Socket) bool { return s.State == evidence.Listen })
			if got := l.Listener(); got.AcceptLen != 2 || got.AcceptLimit != 1 || !got.Full() {
				t.Errorf("accept queue is %d of %d, full %t; want 2 of 1, full", got.AcceptLen, got.AcceptLimit, got.Full())
			}
			for _, fd := range []int{first, second} {
				s := find(t, sockets, func(s Socket) bool { return s.Remote == localAddress(t, fd) })
				if s.Inode != 0 {
					t.Errorf("%s: inode %d before accept, want 0", s.Remote, s.Inode)
				}
				// The kernel's clock has ticks of up to 10 ms, at both ends.
				const tick = 20 * time.Millisecond
				wait, ok := s.Info.LastDataSent()
				if low, high := start.Sub(queued)-tick, end.Sub(before)+tick; !ok || wait < low || wait > high {
					t.Errorf("%s: waits %v (%t), want %v to %v", s.Remote, wait, ok, low, high)
				}
			}

			accepted := accept(t, listener)
			s := find(t, dump(t, d, server), func(s Socket) bool { return s.Remote == localAddress(t, first) })
			if s.Inode != inode(t, accepted) {
				t.Errorf("inode %d after accept, want %d", s.Inode, inode(t, accepted))
			}
		})
	}
}

// A SYN whose SYN-ACK is never answered leaves a request; the client that sent
// it sends it again.
func TestDumpRequest(t *testing.T) {
	tests := []struct {
		name, listen, connect string
		family                int // of the request
	}{
		{"IPv4", "127.0.0.1:80", "127.0.0.1:80", unix.AF_INET},
		{"IPv6", "[::1]:80", "[::1]:80", unix.AF_INET6},
		{"IPv4 to dual stack", "[::]:80", "127.0.0.1:80", unix.AF_INET6},
		{"IPv6 to dual stack", "[::]:80", "[::1]:80", unix.AF_INET6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t, 0)
			d := ns.diag(t)
			ns.listen(t, tt.listen, 8)
			to := netip.MustParseAddrPort(tt.connect)
			client := localAddress(t, ns.connectDeaf(t, to))

			both := Request{Family: unix.AF_UNSPEC, States: States(evidence.SynRecv, evidence.SynSent), Info: true, Memory: true}
			sockets := await(t, d, both, func(s []Socket) bool { return len(s) == 2 })
			request := find(t, sockets, func(s Socket) bool { return s.State == evidence.SynRecv })
			if request.Local != to || request.Remote != client || request.Family != tt.family {
				t.Errorf("request %s to %s of family %d, want %s to %s of %d",
					request.Remote, request.Local, request.Family, client, to, tt.family)
			}
			if request.Timer != TimerRetransmit || request.Expires <= 0 || request.Expires > 1100*time.Millisecond {
				t.Errorf("timer %s expires in %v, want on in (0, 1.1s]", request.Timer, request.Expires)
			}
			if len(request.Info) > 0 || request.Memory.Drops().Known || request.Inode != 0 {
				t.Errorf("request has info, memory or inode: %+v", request)
			}
			sent := find(t, sockets, func(s Socket) bool { return s.State == evidence.SynSent })
			if sent.Local != client || sent.Timer != TimerRetransmit || sent.Inode == 0 {
				t.Errorf("client socket %+v, want %s with timer on and an inode", sent, client)
			}

			await(t, d, both, func(s []Socket) bool { // after 1 s
				r := find(t, s, func(s Socket) bool { return s.State == evidence.SynRecv })
				c := find(t, s, func(s Socket) bool { return s.State == evidence.SynSent })
				return r.Retransmits > 0 && c.Retransmits > 0
			})
		})
	}
}

// A request, the socket that it becomes, and its TIME_WAIT have one cookie.
func TestDumpCookieFollowsConnection(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	listener, addr := ns.listen(t, "127.0.0.1:80", 8)
	client := ns.connectDeaf(t, addr)
	server := Request{Family: unix.AF_INET, States: AllStates &^ States(evidence.Listen), LocalPort: addr.Port()}
	request := await(t, d, server, func(s []Socket) bool { return len(s) == 1 })[0]

	check(t, unix.SetsockoptInt(client, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)) // the next SYN-ACK is heard
	await(t, d, server, func(s []Socket) bool { return countState(s, evidence.Established) == 1 })
	accepted := accept(t, listener)
	check(t, unix.Shutdown(accepted, unix.SHUT_RDWR))
	check(t, unix.Shutdown(client, unix.SHUT_RDWR))
	last := await(t, d, server, func(s []Socket) bool { return countState(s, evidence.TimeWait) == 1 })[0]

	if last.Cookie != request.Cookie || last.Cookie == 0 {
		t.Errorf("cookie %d in TIME_WAIT, %d as a request", last.Cookie, request.Cookie)
	}
	if last.Timer != TimerTimeWait || last.Expires <= 50*time.Second || last.Inode != 0 || last.Remote != request.Remote {
		t.Errorf("TIME_WAIT is %+v", last)
	}
}

func TestDumpFilters(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	listener, addr4 := ns.listen(t, "127.0.0.1:84", 8)
	_, addr6 := ns.listen(t, "[::1]:86", 8)
	ns.connect(t, addr4)
	ns.connect(t, addr6)
	accept(t, listener)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 4 })
	established, listening := States(evidence.Established), States(evidence.Listen)

	tests := []struct {
		name string
		req  Request
		want int
	}{
		{"all", Request{Family: unix.AF_UNSPEC, States: AllStates}, 6},
		{"IPv4", Request{Family: unix.AF_INET, States: AllStates}, 3},
		{"IPv6", Request{Family: unix.AF_INET6, States: AllStates}, 3},
		{"listeners", Request{Family: unix.AF_UNSPEC, States: listening}, 2},
		{"established", Request{Family: unix.AF_UNSPEC, States: established}, 4},
		{"established, IPv6", Request{Family: unix.AF_INET6, States: established}, 2},
		{"two states", Request{Family: unix.AF_INET, States: established | listening}, 3},
		{"other state", Request{Family: unix.AF_UNSPEC, States: States(evidence.FinWait2)}, 0},
		{"no state", Request{Family: unix.AF_UNSPEC, States: States(evidence.None)}, 0},
		{"local port", Request{Family: unix.AF_UNSPEC, States: AllStates, LocalPort: addr4.Port()}, 2},
		{"local port, other family", Request{Family: unix.AF_INET6, States: AllStates, LocalPort: addr4.Port()}, 0},
		{"remote port", Request{Family: unix.AF_UNSPEC, States: AllStates, RemotePort: addr4.Port()}, 1},
		{"remote port of listener", Request{Family: unix.AF_UNSPEC, States: listening, RemotePort: addr4.Port()}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := dump(t, d, tt.req)
			if len(got) != tt.want {
				t.Errorf("got %d sockets, want %d: %+v", len(got), tt.want, got)
			}
			for _, s := range got {
				if len(s.Info) > 0 || s.Memory.Rcvbuf().Known {
					t.Errorf("socket has info or memory that was not asked for: %+v", s)
				}
			}
		})
	}
}

// A dump of many parts gives each socket once.
func TestDumpManyParts(t *testing.T) {
	const pairs = 300
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	fd, addr := ns.listen(t, "127.0.0.1:80", pairs)
	for range pairs {
		ns.connect(t, addr)
	}
	want := sizeOfInfo(t, fd)
	sockets := await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 2*pairs })
	seen := map[uint64]bool{}
	for _, s := range sockets {
		seen[s.Cookie] = true
		if len(s.Info) != want {
			t.Fatalf("%s has %d bytes of info, getsockopt(TCP_INFO) gives %d", s.Local, len(s.Info), want)
		}
	}
	if len(seen) != 2*pairs+1 {
		t.Errorf("got %d different sockets, want %d", len(seen), 2*pairs+1)
	}
}

// sizeOfInfo is how much this kernel tells of a socket by TCP_INFO.
func sizeOfInfo(t *testing.T, fd int) int {
	t.Helper()
	var info [1024]byte
	size := uint32(len(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return int(size)
}

// An error of the visitor ends the visits, and the next dump is whole.
func TestDumpVisitorFails(t *testing.T) {
	const pairs = 300
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	_, addr := ns.listen(t, "127.0.0.1:80", pairs)
	for range pairs {
		ns.connect(t, addr)
	}
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 2*pairs })
	enough, visits := errors.New("enough"), 0
	err := d.Dump(everything, func(*Socket) error {
		if visits++; visits == 3 {
			return enough
		}
		return nil
	})
	if err != enough || visits != 3 {
		t.Errorf("got error %v after %d visits, want %v after 3", err, visits, enough)
	}
	if got := len(dump(t, d, everything)); got != 2*pairs+1 {
		t.Errorf("the dump after it has %d sockets, want %d", got, 2*pairs+1)
	}
}

func TestDumpErrors(t *testing.T) {
	d, err := OpenDiag()
	check(t, err)
	never := func(s *Socket) error {
		t.Errorf("visited %+v", s)
		return nil
	}
	if err := d.Dump(Request{Family: unix.AF_UNIX + 200}, never); !errors.Is(err, unix.EINVAL) {
		t.Errorf("unknown family: error %v, want %v", err, unix.EINVAL)
	}
	check(t, d.Dump(Request{Family: unix.AF_INET}, never)) // the socket is as good as before
	check(t, d.Close())
	if err := d.Dump(everything, never); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: error %v, want %v", err, os.ErrClosed)
	}
	if err := d.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed twice: error %v, want %v", err, os.ErrClosed)
	}
}

func TestDumpTruncated(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	ns.listen(t, "127.0.0.1:80", 1)
	d.in = d.in[:64]
	if err := d.Dump(everything, visited); !errors.Is(err, ErrTruncated) {
		t.Errorf("error %v, want %v", err, ErrTruncated)
	}
}

func TestDumpAllocates(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	_, addr := ns.listen(t, "[::1]:80", 200)
	for range 100 {
		ns.connect(t, addr)
	}
	visits := 0
	visit := func(*Socket) error { visits++; return nil }
	allocs := testing.AllocsPerRun(20, func() {
		if err := d.Dump(everything, visit); err != nil {
			t.Error(err)
		}
	})
	if visits < 20*200 {
		t.Errorf("visited %d sockets, want at least %d", visits, 20*200)
	}
	if allocs != 0 {
		t.Errorf("a dump allocates %v times, want 0", allocs)
	}
}
