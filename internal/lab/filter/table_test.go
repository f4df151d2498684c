package filter

import (
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNetns moves the test's thread into a network namespace of its own, with lo up, and
// returns its descriptor. The thread ends with the test.
func inNetns(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		t.Skip("waits for what never comes")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs root: %v", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return int(file.Fd())
}

// link is a listener and how to reach it.
type link struct {
	*net.TCPListener
	client net.TCPAddr
}

func listen(t *testing.T, host string) link {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return link{l, net.TCPAddr{IP: net.ParseIP(host), Port: 20000}}
}

// connect makes a connection from the next port; what fails is told in a word.
func (l *link) connect() (net.Conn, string) {
	l.client.Port++
	d := net.Dialer{LocalAddr: &l.client, Timeout: 300 * time.Millisecond}
	c, err := d.Dial("tcp", l.Addr().String())
	var failed net.Error
	switch {
	case err == nil:
		return c, "connected"
	case errors.Is(err, unix.ECONNREFUSED):
		return nil, "refused"
	case errors.As(err, &failed) && failed.Timeout():
		return nil, "silence"
	}
	return nil, err.Error()
}

// TestTable lets clients meet each kind of filter, and reads its counter.
func TestTable(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, test := range []struct {
			name    string
			rule    Rule
			want    string // what four clients meet, from the ports 20001 to 20004
			packets int
		}{
			{"nothing", Rule{Kind: SYN, ToServer: true, Ports: []uint16{1}}, "connected connected connected connected", 0},
			{"every SYN", Rule{Kind: SYN, ToServer: true}, "silence silence silence silence", 4},
			{"rejected", Rule{Kind: SYN, ToServer: true, Reject: true}, "refused refused refused refused", 4},
			{"two clients", Rule{Kind: SYN, ToServer: true, Ports: []uint16{20004, 20002}}, "connected silence connected silence", 2},
			{"one in two", Rule{Kind: SYN, ToServer: true, OneIn: 2}, "silence connected silence connected", 2},
			{"at random, always", Rule{Kind: SYN, ToServer: true, Chance: 1}, "silence silence silence silence", 4},
			{"above a rate", Rule{Kind: SYN, ToServer: true, Rate: 1, Burst: 3, Ports: []uint16{20001, 20002, 20003, 20004}}, "connected connected connected silence", 1},
			{"answers", Rule{Kind: SYNACK, Ports: []uint16{20001}}, "silence connected connected connected", 1},
			{"invalid", Rule{Kind: Invalid, ToServer: true}, "connected connected connected connected", 0},
			{"connections", Rule{Kind: SYN, ToServer: true, Connections: 2}, "connected connected silence silence", 2},
		} {
			test.rule.Name = "f"
			netns := inNetns(t)
			l := listen(t, host)
			table := with(t, netns, test.rule)
			var got []string
			for range 4 {
				c, met := l.connect()
				got = append(got, met)
				if c != nil {
					defer c.Close()
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s, %s: clients (-want +got):\n%s", test.name, host, diff)
			}
			if n, err := table.Packets("f"); n != test.packets || err != nil {
				t.Errorf("%s, %s: %d packets, %v; want %d", test.name, host, n, err, test.packets)
			}
			if err := table.Lift("f"); err != nil {
				t.Fatal(err)
			}
			if n, err := table.Taken(); int(n) != test.packets || err != nil {
				t.Errorf("%s, %s: %d packets when lifted, %v; want %d", test.name, host, n, err, test.packets)
			}
			c, met := l.connect()
			if c == nil {
				t.Fatalf("%s, %s: when lifted: %s", test.name, host, met)
			}
			c.Close()
		}
	}
}

// with is a table of one filter.
func with(t *testing.T, netns int, r Rule) *Table {
	t.Helper()
	table := Open(netns)
	t.Cleanup(func() { table.Close() })
	if err := table.Add(r); err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return table
}

// TestKinds drops the segments of each kind of a connection whose client sends something
// and closes, and whose server does nothing.
func TestKinds(t *testing.T) {
	there := map[bool][]Kind{true: {SYN, ACK, Data, FIN, All}, false: {SYNACK, ACK, All}}
	for _, host := range []string{"127.0.0.1", "::1"} {
		for _, kind := range []Kind{SYN, SYNACK, ACK, Data, FIN, RST, All, Invalid} {
			for _, toServer := range []bool{true, false} {
				netns := inNetns(t)
				l := listen(t, host)
				table := with(t, netns, Rule{Name: "f", Kind: kind, ToServer: toServer, Ports: []uint16{20001}})
				if c, _ := l.connect(); c != nil {
					c.Write([]byte("hello")) // that its answer does not come is no error
					c.Close()
				}
				n, err := table.Packets("f")
				if want := slices.Contains(there[toServer], kind); n > 0 != want || err != nil {
					t.Errorf("%s, %s to the server: %v: %d packets, %v", host, kind, toServer, n, err)
				}
				if err := table.Lift("f"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A table without filters has taken nothing.
func TestUnknownFilter(t *testing.T) {
	table := Open(inNetns(t))
	if err := table.Lift("f"); err == nil {
		t.Error("a filter was lifted that is not there")
	}
	if n, err := table.Taken(); n != 0 || err != nil {
		t.Errorf("%d packets, %v", n, err)
	}
}
