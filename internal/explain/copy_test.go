package explain_test

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/explain"
	"listenq/internal/judge"
)

// TestCopies: a capture that is named twice, or together with the beginning of itself, is one
// capture, on loopback too.
func TestCopies(t *testing.T) {
	here := netip.MustParseAddrPort("127.0.0.1:8080")
	loop := func() *tape {
		tp := newTape(t)
		for i := range 20 {
			tp.connect(time.Duration(i)*100*time.Millisecond, port(here, 40000+i), here, halfway)
		}
		return tp
	}
	for _, c := range []struct {
		name string
		make func() *tape
	}{
		{"at the server", func() *tape { return served(t, atServer) }},
		{"on loopback", loop},
	} {
		t.Run(c.name, func(t *testing.T) {
			once := captures(t, explain.Options{}, c.make().input("a"))
			start := c.make().bytes()
			twice := captures(t, explain.Options{}, explain.Input{Name: "start", Data: bytes.NewReader(start[:len(start)*2/3])}, c.make().input("a"))
			if got := []string{twice.Files[0].SameAs, twice.Files[1].SameAs}; !slices.Equal(got, []string{"a", ""}) {
				t.Errorf("copies of %q, want the shorter file to be one", got)
			}
			for i := range once.Listeners {
				once.Listeners[i].Evidence, twice.Listeners[i].Evidence = nil, nil // which name their file
			}
			if diff := cmp.Diff(once.Listeners, twice.Listeners); diff != "" {
				t.Errorf("once and twice (-once +twice):\n%s", diff)
			}
		})
	}
}

// TestEarlier: packets that stand far behind later ones are read in the order of their time.
func TestEarlier(t *testing.T) {
	all := overflowed(t).frames()
	moved := append(slices.Clone(all[20:]), all[:20]...)
	want := captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, all))})
	got := captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, moved))})
	if len(got.Skipped) > 0 || !got.Start.Equal(want.Start) || got.Span != want.Span {
		t.Errorf("from %v for %v, left out %v; want from %v for %v", got.Start, got.Span, got.Skipped, want.Start, want.Span)
	}
	if diff := cmp.Diff(want.Listeners[0].Causes, got.Listeners[0].Causes); diff != "" {
		t.Errorf("causes (-in order +not):\n%s", diff)
	}
}

// TestLacks: what a capture lacks is found, and no queue is judged by the rest.
func TestLacks(t *testing.T) {
	for _, c := range []struct {
		name string
		keep func(frame) bool
		want string
	}{
		{"the server's packets", func(f frame) bool { return source(f) == client.Addr() }, "server's packets"},
		{"the clients' packets", func(f frame) bool { return source(f) == server.Addr() }, "clients' packets"},
		{"ACKs", func(f frame) bool { return f.data[ethernetHeader+20+13]&2 != 0 }, "ACKs are not in the capture"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := slices.DeleteFunc(overflowed(t).frames(), func(f frame) bool { return !c.keep(f) })
			r := captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, all))})
			blameless(t, r)
			if len(r.Lacks) != 1 || !strings.Contains(r.Lacks[0], c.want) || r.Listeners[0].Finding != judge.Unseen {
				t.Errorf("lacks %q, %s; want %q", r.Lacks, r.Listeners[0].Finding, c.want)
			}
		})
	}
}

// TestSequel: how a connection goes on.
func TestSequel(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(*tape)
		want *answer.Sequel
	}{
		{"served", func(tp *tape) { tp.put(ms(300), server, client, "PA", 5001, 1006, "world") }, &answer.Sequel{What: judge.Served, After: 199}},
		{"closed", func(tp *tape) { tp.put(ms(300), server, client, "FA", 5001, 1006, "") }, &answer.Sequel{What: judge.ShutFirst, After: 199}},
		{"reset", func(tp *tape) { tp.put(ms(300), server, client, "RA", 5001, 1006, "") }, &answer.Sequel{What: judge.ResetFirst, After: 199}},
		{"nothing", func(tp *tape) { tp.put(ms(5101), client, server, "A", 1006, 5001, "") }, &answer.Sequel{What: judge.Unserved, After: 5000}},
		{"nothing yet", func(*tape) {}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tp := newTape(t)
			tp.put(0, client, server, "S", 1000, 0, "")
			tp.put(ms(0.1), server, client, "SA", 5000, 1001, "")
			tp.put(ms(100), client, server, "A", 1001, 5001, "")
			tp.put(ms(101), client, server, "PA", 1001, 5001, "hello")
			tp.put(ms(101.1), server, client, "A", 5001, 1006, "")
			c.play(tp)
			if diff := cmp.Diff(c.want, captures(t, explain.Options{}, tp.input("x")).Connections[0].Then); diff != "" {
				t.Errorf("then (-want +got):\n%s", diff)
			}
		})
	}
}
