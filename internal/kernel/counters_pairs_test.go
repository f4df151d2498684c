package kernel

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/queue"
)

func TestPairs(t *testing.T) {
	var table pairTable
	for _, c := range []struct {
		name, text string
		renamed    bool
		names      []string
		values     []uint64
	}{
		{"first", "Ip6InReceives                   \t12\nIcmp6InMsgs  \t0\n", true, []string{"Ip6InReceives", "Icmp6InMsgs"}, []uint64{12, 0}},
		{"moved", "Ip6InReceives                   \t13\nIcmp6InMsgs  \t1\n", false, []string{"Ip6InReceives", "Icmp6InMsgs"}, []uint64{13, 1}},
		{"one more", "Ip6InReceives                   \t13\nIcmp6InType1 7\nIcmp6InMsgs  \t1\n", true, []string{"Ip6InReceives", "Icmp6InType1", "Icmp6InMsgs"}, []uint64{13, 7, 1}},
		{"fewer", "Ip6InReceives 14\n", true, []string{"Ip6InReceives"}, []uint64{14}},
	} {
		renamed, err := table.parse([]byte(c.text))
		if err != nil || renamed != c.renamed || !slices.Equal(table.names(), c.names) || !slices.Equal(table.numbers(), c.values) {
			t.Errorf("%s: %q %d, renamed %v, %v", c.name, table.names(), table.numbers(), renamed, err)
		}
	}
}

func FuzzPairs(f *testing.F) {
	f.Add([]byte("Ip6InReceives \t12\n"), []byte("Ip6InReceives \t13\nUdp6InErrors 1\n"))
	f.Add([]byte("Ip6InReceives"), []byte("Ip6InReceives 99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var used, fresh pairTable
		_, _ = used.parse(first) // an error makes it empty
		_, errUsed := used.parse(second)
		_, errFresh := fresh.parse(second)
		if (errUsed == nil) != (errFresh == nil) || errFresh != nil && !errors.Is(errFresh, ErrCounters) {
			t.Fatalf("used table: %v, new table: %v", errUsed, errFresh)
		}
		if !slices.Equal(used.names(), fresh.names()) || !slices.Equal(used.numbers(), fresh.numbers()) || len(fresh.names()) != len(fresh.numbers()) {
			t.Errorf("used table %q %d, new table %q %d", used.names(), used.numbers(), fresh.names(), fresh.numbers())
		}
	})
}

// TestAllCounters holds that those of IPv6 are the ones that nstat prints, and stand behind
// all others.
func TestAllCounters(t *testing.T) {
	read := func(open func() (*CounterReader, error)) (c queue.Counters) {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Read(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	all, four := read(OpenAllCounters), read(OpenCounters)
	if !slices.Equal(all.Names[:len(four.Names)], four.Names) {
		t.Error("the first counters are not those of OpenCounters")
	}
	six := all.Names[len(four.Names):]
	if len(six) == 0 {
		t.Skip("this kernel has no IPv6")
	}
	out, err := exec.Command("nstat", "-az").Output()
	if err != nil {
		t.Skipf("nstat: %v", err)
	}
	var theirs []string
	for line := range strings.Lines(string(out)) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "Ip6") || strings.HasPrefix(name, "Icmp6") || strings.HasPrefix(name, "Udp6") || strings.HasPrefix(name, "UdpLite6") {
			theirs = append(theirs, name)
		}
	}
	if diff := cmp.Diff(theirs, six); diff != "" {
		t.Errorf("counters of IPv6 (-nstat +ours):\n%s", diff)
	}
}
