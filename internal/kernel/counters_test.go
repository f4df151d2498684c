package kernel

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func (ns namespace) counters(t testing.TB, open func() (*CounterReader, error)) *CounterReader {
	t.Helper()
	var r *CounterReader
	ns.do(t, func() (err error) {
		r, err = open()
		return err
	})
	t.Cleanup(func() { r.Close() })
	return r
}

func readCounters(t testing.TB, r *CounterReader) (c queue.Counters) {
	t.Helper()
	check(t, r.Read(&c))
	return c
}

// overflow makes a few counters move.
func overflow(t testing.TB, ns namespace) {
	t.Helper()
	_, addr := ns.listen(t, "127.0.0.1:80", 1)
	d := ns.diag(t)
	ns.connect(t, addr)
	ns.connect(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.Established) == 4 })
	ns.connectDeaf(t, addr)
	await(t, d, Request{Family: unix.AF_INET, States: States(evidence.Listen), Memory: true},
		func(s []Socket) bool { return s[0].Memory.Drops().N > 0 })
}

// Every counter of nstat's that is in the two files, in its order, with its value.
func TestCountersAreThoseOfNstat(t *testing.T) {
	ns := newNamespace(t, 0)
	overflow(t, ns)
	r := ns.counters(t, OpenCounters)
	before := readCounters(t, r)
	nstat := ns.output(t, "nstat", "-asz")
	after := readCounters(t, r)

	var names []string
	for line := range strings.Lines(nstat) {
		fields := strings.Fields(line)
		if len(fields) != 3 || inSnmp6(fields[0]) {
			continue
		}
		name := fields[0]
		names = append(names, name)
		got, err := strconv.ParseUint(fields[1], 10, 64)
		check(t, err)
		low, _ := before.Get(name)
		high, _ := after.Get(name)
		if got < low || got > high {
			t.Errorf("%s: nstat says %d, we %d before it and %d after it", name, got, low, high)
		}
	}
	if diff := cmp.Diff(names, before.Names); diff != "" {
		t.Errorf("names (-nstat +got):\n%s", diff)
	}
	for _, name := range []string{"TcpExtListenOverflows", "TcpExtListenDrops", "TcpPassiveOpens", "IpExtInOctets"} {
		if v, ok := before.Get(name); !ok || v == 0 {
			t.Errorf("%s is %d (%t), want it to have moved", name, v, ok)
		}
	}
}

// OpenSnmp is of the first file alone: the same names in the same order.
func TestSnmpIsTheBeginningOfAll(t *testing.T) {
	ns := newNamespace(t, 0)
	overflow(t, ns)
	all := readCounters(t, ns.counters(t, OpenCounters))
	some := readCounters(t, ns.counters(t, OpenSnmp))
	if diff := cmp.Diff(all.Names[:len(some.Names)], some.Names); diff != "" {
		t.Errorf("names (-all +snmp):\n%s", diff)
	}
	before, _ := all.Get("TcpInSegs")
	if after, ok := some.Get("TcpInSegs"); !ok || before == 0 || after < before {
		t.Errorf("TcpInSegs is %d, after it was %d", after, before)
	}
	if v, ok := some.Get("TcpExtListenOverflows"); ok {
		t.Errorf("TcpExtListenOverflows is there: %d", v)
	}
}

// inSnmp6 tells the counters that nstat takes from /proc/net/snmp6.
func inSnmp6(name string) bool {
	return slices.ContainsFunc([]string{"Ip6", "Icmp6", "Udp6", "UdpLite6"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// A reader shows the namespace in which it was opened, wherever it is read.
func TestCountersOfNamespace(t *testing.T) {
	busy, idle := newNamespace(t, 0), newNamespace(t, 0)
	inBusy, inIdle := busy.counters(t, OpenCounters), idle.counters(t, OpenCounters)
	overflow(t, busy)
	if v, ok := readCounters(t, inBusy).Get("TcpExtListenOverflows"); !ok || v == 0 {
		t.Errorf("busy namespace: %d (%t) overflows, want some", v, ok)
	}
	if v, ok := readCounters(t, inIdle).Get("TcpExtListenOverflows"); !ok || v != 0 {
		t.Errorf("idle namespace: %d (%t) overflows, want 0", v, ok)
	}
}

// Names given away stay as they were when the kernel shows new counters.
func TestCountersNewNames(t *testing.T) {
	ns := newNamespace(t, 0)
	r := ns.counters(t, OpenCounters)
	before := readCounters(t, r)
	kept := slices.Clone(before.Names)

	fd := -1
	ns.do(t, func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	defer unix.Close(fd)
	check(t, unix.Sendto(fd, []byte("to nobody"), 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 9}))

	var after queue.Counters
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		check(t, r.Read(&after))
		if v, _ := after.Get("IcmpMsgOutType3"); v == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no counter of the ICMP message that was sent, names are %q", after.Names)
		}
	}
	if _, ok := before.Get("IcmpMsgOutType3"); ok || !slices.Equal(before.Names, kept) {
		t.Error("the names of an earlier sample changed")
	}
	if len(after.Names) != len(after.Values) {
		t.Errorf("%d names, %d values", len(after.Names), len(after.Values))
	}
}

func TestCountersClosed(t *testing.T) {
	r, err := OpenCounters()
	check(t, err)
	check(t, r.Close())
	if err := r.Read(&queue.Counters{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after close: error %v, want %v", err, os.ErrClosed)
	}
}

func TestCountersAllocate(t *testing.T) {
	ns := newNamespace(t, 0)
	overflow(t, ns)
	r := ns.counters(t, OpenCounters)
	c := readCounters(t, r)
	check(t, r.Read(&c))
	allocs := testing.AllocsPerRun(20, func() {
		for i := range r.files { // as if the counters had moved
			r.files[i].last = r.files[i].last[:0]
		}
		if err := r.Read(&c); err != nil {
			t.Error(err)
		}
	})
	if allocs != 0 {
		t.Errorf("a read allocates %v times, want 0", allocs)
	}
}

func TestParseCounters(t *testing.T) {
	type values map[string]uint64
	tests := []struct {
		name string
		text string
		want values // nil: malformed
	}{
		{"empty", "", values{}},
		{"one line", "TcpExt: A B\nTcpExt: 1 18446744073709551615\n", values{"TcpExtA": 1, "TcpExtB": 1<<64 - 1}},
		{"two lines", "Tcp: A\nTcp: 1\nIp: B\nIp: 2\n", values{"TcpA": 1, "IpB": 2}},
		{"no last line end", "Tcp: A\nTcp: 1", values{"TcpA": 1}},
		{"settings", "Tcp: RtoMin MaxConn InSegs\nTcp: 200 -1 7\n", values{"TcpInSegs": 7}},
		{"no columns", "Tcp:\nTcp:\n", values{}},
		{"no prefix", "Tcp A\nTcp 1\n", nil},
		{"other prefix", "Tcp: A\nIp: 1\n", nil},
		{"a value missing", "Tcp: A B\nTcp: 1\n", nil},
		{"a value more", "Tcp: A\nTcp: 1 2\n", nil},
		{"a setting missing", "Tcp: A RtoMin\nTcp: 1\n", nil},
		{"no values", "Tcp: A\n", nil},
		{"negative", "Tcp: A\nTcp: -1\n", nil},
		{"too large", "Tcp: A\nTcp: 18446744073709551616\n", nil},
		{"far too large", "Tcp: A\nTcp: 99999999999999999999999\n", nil},
		{"two spaces", "Tcp: A\nTcp:  1\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table counterTable
			renamed, err := table.parse([]byte(tt.text))
			if tt.want == nil {
				if !errors.Is(err, ErrCounters) {
					t.Errorf("error %v, want %v", err, ErrCounters)
				}
				return
			}
			check(t, err)
			if renamed != (tt.text != "") {
				t.Errorf("renamed is %t", renamed)
			}
			got := values{}
			for i, name := range table.names() {
				got[name] = table.values[i]
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
			if renamed, err = table.parse([]byte(tt.text)); renamed || err != nil {
				t.Errorf("same names again: renamed %t, error %v", renamed, err)
			}
		})
	}
}

// A table that has read one file reads another as a new table does.
func TestParseCountersAgain(t *testing.T) {
	files := []string{
		"", "Tcp: A\nTcp: 1\n", "Tcp: A B\nTcp: 1 2\n", "Ip: A\nIp: 1\n",
		"Ip: C\nIp: 3\nTcp: A\nTcp: 1\n", "Tcp: A\nTcp: 1\nIp: C\nIp: 3\n",
	}
	for _, first := range files {
		for _, second := range files {
			if first == second {
				continue
			}
			var used, fresh counterTable
			_, err := used.parse([]byte(first))
			check(t, err)
			renamed, err := used.parse([]byte(second))
			check(t, err)
			_, err = fresh.parse([]byte(second))
			check(t, err)
			if !renamed || !slices.Equal(used.names(), fresh.names()) || !slices.Equal(used.values, fresh.values) {
				t.Errorf("%q after %q: renamed %t, %q %d, want %q %d",
					second, first, renamed, used.names(), used.values, fresh.names(), fresh.values)
			}
		}
	}
}

// FuzzCounters feeds any bytes as two versions of a counter file.
func FuzzCounters(f *testing.F) {
	f.Add([]byte("Tcp: RtoMin InSegs\nTcp: 200 7\n"), []byte("Tcp: RtoMin InSegs\nTcp: 200 8\n"))
	f.Add([]byte("IcmpMsg: InType3\nIcmpMsg: 1\n"), []byte("IcmpMsg: InType3 OutType3\nIcmpMsg: 1 1\n"))
	f.Add([]byte("Tcp:\nTcp: -1"), []byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var used, fresh counterTable
		if _, err := used.parse(first); err != nil {
			used = counterTable{}
		}
		_, errUsed := used.parse(second)
		_, errFresh := fresh.parse(second)
		if (errUsed == nil) != (errFresh == nil) {
			t.Fatalf("used table: %v, new table: %v", errUsed, errFresh)
		}
		if errFresh != nil {
			if !errors.Is(errFresh, ErrCounters) {
				t.Errorf("error %v, want %v", errFresh, ErrCounters)
			}
			return
		}
		if len(fresh.names()) != len(fresh.values) {
			t.Errorf("%d names, %d values", len(fresh.names()), len(fresh.values))
		}
		if !slices.Equal(used.names(), fresh.names()) || !slices.Equal(used.values, fresh.values) {
			t.Errorf("used table %q %d, new table %q %d", used.names(), used.values, fresh.names(), fresh.values)
		}
	})
}
