package kernel

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"listenq/internal/evidence"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func (ns namespace) table(t testing.TB) *procTable {
	t.Helper()
	var table *procTable
	ns.do(t, func() (err error) {
		table, err = openProcTable(threadFile("net/"), make([]byte, 4<<10))
		return err
	})
	t.Cleanup(func() { table.Close() })
	return table
}

// What both sources show of a socket is the same.
func TestProcTableIsThatOfDiag(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	scene(t, ns, d, "127.0.0.1:81", "127.0.0.1:81")
	scene(t, ns, d, "[::1]:82", "[::1]:82")
	scene(t, ns, d, "[::]:83", "127.0.0.1:83")
	for i := range 200 { // more than a buffer holds
		ns.listen(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.9"), uint16(1000+i)).String(), 8)
	}
	table := ns.table(t)
	for _, req := range []Request{{States: listenOnly}, {States: States(evidence.SynRecv)}, {States: AllStates}} {
		want, got := dump(t, d, req), []Socket(nil)
		check(t, table.Dump(req, func(s *Socket) error {
			got = append(got, s.clone())
			return nil
		}))
		if len(want) < 3 {
			t.Errorf("states %x: %d sockets, want some of each listener", req.States, len(want))
		}
		if diff := gocmp.Diff(comparable(want), comparable(got), gocmp.Comparer(sameAddrPort), gocmp.AllowUnexported(Memory{})); diff != "" {
			t.Errorf("states %x (-sock_diag +/proc/net):\n%s", req.States, diff)
		}
	}
}

// comparable are the sockets without what only one source shows, or shows
// otherwise: a table has no limit of a listener, counts other retransmissions of a
// request, and gives FIN_WAIT2 the timer of TIME_WAIT.
func comparable(all []Socket) []Socket {
	for i := range all {
		s := &all[i]
		*s = Socket{Local: s.Local, Remote: s.Remote, State: s.State, Family: s.Family, Inode: s.Inode, RecvQ: s.RecvQ, SendQ: s.SendQ}
		if s.State == evidence.Listen {
			s.SendQ = 0
		}
	}
	slices.SortFunc(all, func(a, b Socket) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), a.Local.Compare(b.Local), a.Remote.Compare(b.Remote), cmp.Compare(a.State, b.State))
	})
	return all
}

func TestProcTableVisitorFails(t *testing.T) {
	ns := newNamespace(t, 0)
	ns.listen(t, "127.0.0.1:80", 1)
	ns.listen(t, "[::1]:80", 1)
	enough, visits := errors.New("enough"), 0
	err := ns.table(t).Dump(everything, func(*Socket) error { visits++; return enough })
	if !errors.Is(err, enough) || visits != 1 {
		t.Errorf("error %v after %d visits, want %v after 1", err, visits, enough)
	}
}

const (
	procListener = `   0: 0100007F:0050 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 4711 1 000000002b47c870 100 0 0 10 0`
	procRequest  = `   1: 00000000000000000000000001000000:0050 0000000000000000FFFF00000100007F:CAFE 03 00000001:00000002 01:00000064 00000005     0        0 0 1 0000000000000000`
)

func TestDecodeProc(t *testing.T) {
	tests := []struct {
		name, line string
		family     int
		want       *Socket // nil: malformed
	}{
		{"listener", procListener, unix.AF_INET, &Socket{
			Local: netip.MustParseAddrPort("127.0.0.1:80"), Remote: netip.MustParseAddrPort("0.0.0.0:0"),
			State: evidence.Listen, Family: unix.AF_INET, RecvQ: 3, UID: 1000, Inode: 4711,
		}},
		{"request", procRequest, unix.AF_INET6, &Socket{
			Local: netip.MustParseAddrPort("[::1]:80"), Remote: netip.MustParseAddrPort("127.0.0.1:51966"), State: evidence.SynRecv,
			Family: unix.AF_INET6, SendQ: 1, RecvQ: 2, Timer: TimerRetransmit, Expires: time.Second, Retransmits: 5,
		}},
		{"unknown state", `0: 0100007F:0050 00000000:0000 FF 0:0 0:0 0 0 0 1`, unix.AF_INET, &Socket{
			Local: netip.MustParseAddrPort("127.0.0.1:80"), Remote: netip.MustParseAddrPort("0.0.0.0:0"), Family: unix.AF_INET, Inode: 1,
		}},
		{"empty", "", unix.AF_INET, nil},
		{"other family", procListener, unix.AF_INET6, nil},
		{"cut", procListener[:90], unix.AF_INET, nil},
		{"small digits", `0: 0100007f:0050 00000000:0000 0A 0:0 0:0 0 0 0 1`, unix.AF_INET, nil},
		{"sign", `0: 0100007F:0050 00000000:0000 0A -1:0 0:0 0 0 0 1`, unix.AF_INET, nil},
		{"port too large", `0: 0100007F:10050 00000000:0000 0A 0:0 0:0 0 0 0 1`, unix.AF_INET, nil},
		{"state too large", `0: 0100007F:0050 00000000:0000 10A 0:0 0:0 0 0 0 1`, unix.AF_INET, nil},
		{"inode too large", `0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 4294967296`, unix.AF_INET, nil},
		{"inode no number", `0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 x`, unix.AF_INET, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Socket{Cookie: 99} // of the line before
			_, err := s.decodeProc([]byte(tt.line), tt.family)
			if tt.want == nil {
				if !errors.Is(err, ErrProcTable) {
					t.Errorf("error %v, want %v", err, ErrProcTable)
				}
				return
			}
			check(t, err)
			if diff := gocmp.Diff(*tt.want, s, gocmp.Comparer(sameAddrPort), gocmp.AllowUnexported(Memory{})); diff != "" {
				t.Errorf("socket (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzProcTable feeds any bytes as lines of a table.
func FuzzProcTable(f *testing.F) {
	f.Add([]byte(procListener+"\n"), false)
	f.Add([]byte(procRequest+"\n"+procRequest), true)
	f.Add([]byte("0: 0100007F:0050"), false)
	f.Fuzz(func(t *testing.T, b []byte, six bool) {
		family := unix.AF_INET
		if six {
			family = unix.AF_INET6
		}
		visits := 0
		_, err := new(procTable).lines(b, family, AllStates, func(s *Socket) error {
			visits++
			if !s.Local.IsValid() || !s.Remote.IsValid() || s.Local.Addr().Is4In6() || s.State == "" {
				t.Errorf("socket is %+v", s)
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrProcTable) {
			t.Errorf("error is %v, want %v", err, ErrProcTable)
		}
		if visits > len(b)/20 {
			t.Errorf("%d sockets in %d bytes", visits, len(b))
		}
	})
}
