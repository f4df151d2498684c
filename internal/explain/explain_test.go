package explain_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/explain"
	"listenq/internal/judge"
	"listenq/test/memory"
)

// overflow adds a connection whose final ACK and data find the accept queue full, as
// it is seen at the server.
func (tp *tape) overflow(at time.Duration, n int) {
	c := port(client, n)
	tp.put(at, c, server, "S", 1000, 0, "")
	tp.put(at+ms(0.1), server, c, "SA", 5000, 1001, "")
	tp.put(at+ms(20), c, server, "A", 1001, 5001, "")
	tp.put(at+ms(21), c, server, "PA", 1001, 5001, "hello")
	tp.put(at+ms(221), c, server, "PA", 1001, 5001, "hello")
	tp.put(at+ms(641), c, server, "PA", 1001, 5001, "hello")
	tp.put(at+ms(1010), server, c, "SA", 5000, 1001, "")
	tp.put(at+ms(1030), c, server, "A", 1006, 5001, "")
	tp.put(at+ms(3010), server, c, "SA", 5000, 1001, "")
}

// overflowed is a capture at a server with two fine connections, two that wait, and four
// that are struck meanwhile: three final ACKs and a SYN.
func overflowed(t testing.TB) *tape {
	tp := newTape(t)
	tp.connect(0, port(client, 1), server, atServer)
	tp.connect(100*time.Millisecond, port(client, 2), server, atServer)
	tp.full(700*time.Millisecond, 3)
	return tp
}

// full adds connections that are begun at one moment: two take the room that there is and
// wait, the final ACKs of the others find the queue full, and so does a SYN after that.
func (tp *tape) full(at time.Duration, struck int) {
	idle := [2]netip.AddrPort{port(client, 30000), port(client, 30001)}
	for i, c := range idle {
		tp.put(at+ms(float64(i)), c, server, "S", 1000, 0, "")
		tp.put(at+ms(float64(i)+0.1), server, c, "SA", 5000, 1001, "")
		tp.put(at+ms(float64(i)+18), c, server, "A", 1001, 5001, "")
	}
	for i := range struck {
		tp.overflow(at+ms(float64(2+i)), 41000+i)
	}
	at += 4 * time.Second
	tp.put(at, idle[0], server, "PA", 1001, 5001, "hello")
	tp.put(at+ms(0.1), server, idle[0], "A", 5001, 1006, "")
	for _, again := range []float64{1, 1001, 3001} {
		tp.put(at+ms(again), port(client, 50000), server, "S", 1000, 0, "")
	}
}

// TestEndOfCapture: a capture goes on until its last packet, whatever that is. A SYN that has
// had no answer by then has had none for longer.
func TestEndOfCapture(t *testing.T) {
	tp := newTape(t)
	tp.connect(0, port(client, 1), server, atServer)
	tp.put(time.Second, port(client, 2), server, "S", 1000, 0, "")
	arp := append(make([]byte, 12), 8, 6, 0, 1)
	if err := tp.w.Packet(0, 9*time.Second, append(arp, make([]byte, 44)...), ""); err != nil {
		t.Fatal(err)
	}
	r := captures(t, explain.Options{}, tp.input("a.pcapng"))
	if want := time.Second * 9; r.Span.Duration() != want {
		t.Errorf("it lasts for %v, want %v", r.Span.Duration(), want)
	}
	if c := r.Connections[1]; c.Cause == judge.NoCause {
		t.Errorf("a SYN without an answer for 8 s: %v", c.Reading.Reading)
	}
}

// TestNonsenseStamp: a packet with a stamp of another age is where its file has it.
func TestNonsenseStamp(t *testing.T) {
	tp := newTape(t)
	tp.connect(0, port(client, 1), server, atServer)
	tp.put(250*365*24*time.Hour, port(client, 2), server, "S", 1000, 0, "")
	tp.connect(time.Second, port(client, 3), server, atServer)
	r := captures(t, explain.Options{}, tp.input("a.pcapng"))
	if !r.Start.Equal(start) || r.Span > 2000 || len(r.Connections) != 3 {
		t.Errorf("from %v for %g ms, %d connections", r.Start, r.Span, len(r.Connections))
	}
}

// TestCausesAsTold: a listener counts the causes that its connections are told with, that of
// a SYN, too, which may yet be answered.
func TestCausesAsTold(t *testing.T) {
	tp := newTape(t)
	tp.connect(0, port(client, 1), server, atServer)
	tp.put(time.Second, port(client, 2), server, "S", 1000, 0, "")
	r := captures(t, explain.Options{}, tp.input("a.pcapng"))
	told := map[judge.Cause]int{}
	for _, c := range r.Connections {
		told[c.Cause]++
	}
	if diff := cmp.Diff(told, r.Listeners[0].Causes); diff != "" {
		t.Errorf("causes (-of connections +of the listener):\n%s", diff)
	}
}

func TestOverflow(t *testing.T) {
	r := captures(t, explain.Options{}, overflowed(t).input("a.pcapng"))
	if !r.Bad() {
		t.Errorf("an overflow is no bad answer")
	}
	if len(r.Listeners) != 1 {
		t.Fatalf("%d listeners, want 1", len(r.Listeners))
	}
	l := r.Listeners[0]
	if l.Finding != judge.Overflow || l.Attempts != 8 || len(l.Evidence) == 0 || len(l.Full) == 0 {
		t.Errorf("listener: %+v", l)
	}
	if g := r.Groups[0]; g.Count != 3 || g.Example.Outcome != judge.HalfOpen || g.Example.Cause != judge.AcceptQueueFull {
		t.Errorf("the worst group: %+v", g)
	}
	want := answer.Evidence{Packet: 13, Text: "SYN"}
	if diff := cmp.Diff(want, r.Connections[2].Evidence[0]); diff != "" {
		t.Errorf("the first evidence (-want +got):\n%s", diff)
	}
}

func TestFilters(t *testing.T) {
	must := func(text string) explain.Filter {
		f, err := explain.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	tests := []struct {
		name                          string
		options                       explain.Options
		listeners, connections, skips int
	}{
		{"none", explain.Options{}, 1, 8, 0},
		{"port", explain.Options{Listener: must(":8080")}, 1, 8, 0},
		{"bare port", explain.Options{Listener: must("8080")}, 1, 8, 0},
		{"address", explain.Options{Listener: must("10.0.0.2")}, 1, 8, 0},
		{"both", explain.Options{Listener: must("10.0.0.2:8080")}, 1, 8, 0},
		{"another port", explain.Options{Listener: must(":80")}, 0, 0, 0},
		{"another address", explain.Options{Listener: must("[::1]")}, 0, 0, 0},
		{"outcome", explain.Options{Outcomes: []judge.Outcome{judge.HalfOpen}}, 1, 3, 0},
		{"until", explain.Options{Until: 500 * time.Millisecond}, 1, 2, 38},
		{"since", explain.Options{Since: 500 * time.Millisecond}, 1, 6, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := captures(t, tt.options, overflowed(t).input("a.pcapng"))
			if len(r.Listeners) != tt.listeners || len(r.Connections) != tt.connections || r.Skipped["outside"] != tt.skips {
				t.Errorf("%d listeners, %d connections, %v skipped; want %+v", len(r.Listeners), len(r.Connections), r.Skipped, tt)
			}
		})
	}
}

func TestParseFilterErrors(t *testing.T) {
	for _, text := range []string{":", "0", ":0", "65536", "example.org", "1.2.3.4:x", "-1"} {
		if _, err := explain.ParseFilter(text); err == nil {
			t.Errorf("%q is taken for a listener", text)
		}
	}
}

// TestDuplicates drops what was captured twice, and keeps what TCP sent again.
func TestDuplicates(t *testing.T) {
	once := newTape(t)
	once.overflow(0, 40000)
	twice := newTape(t, "veth0", "docker0")
	twice.twice = true
	twice.overflow(0, 40000)
	want := captures(t, explain.Options{}, once.input("once"))
	got := captures(t, explain.Options{}, twice.input("twice"))
	if n := got.Skipped["duplicate"]; n != want.Packets {
		t.Errorf("%d duplicates of %d packets", n, want.Packets)
	}
	if diff := cmp.Diff(want.Connections[0].Reading, got.Connections[0].Reading); diff != "" {
		t.Errorf("once and twice differ:\n%s", diff)
	}
	if want.Skipped["duplicate"] != 0 {
		t.Errorf("%d packets that were sent again are taken for duplicates", want.Skipped["duplicate"])
	}
}

// TestSentAgainSoon: what ACKs ask for comes again within a millisecond in a fast network.
// It is told from a packet that is captured twice by the id of its IP header.
func TestSentAgainSoon(t *testing.T) {
	for _, tt := range []struct {
		name       string
		ids        [2]uint16
		duplicates int
	}{
		{"sent again", [2]uint16{7, 8}, 0},
		{"captured twice", [2]uint16{7, 7}, 1},
		{"without ids", [2]uint16{0, 0}, 1},
		{"an id is missing", [2]uint16{7, 0}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape(t)
			tp.connect(0, client, server, atServer)
			tp.put(ms(100), client, server, "PA", 1006, 5006, "more")
			tp.put(ms(100.5), client, server, "PA", 1006, 5006, "more")
			all := tp.frames()
			for i, id := range tt.ids {
				const at = ethernetHeader + 4 // of the IP header
				binary.BigEndian.PutUint16(all[len(all)-2+i].data[at:], id)
			}
			r := captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(pcap(capture.Ethernet, all))})
			if r.Skipped["duplicate"] != tt.duplicates {
				t.Errorf("left out: %v, want %d duplicates", r.Skipped, tt.duplicates)
			}
		})
	}
}

func TestDamage(t *testing.T) {
	whole := overflowed(t).bytes()
	tests := []struct {
		name   string
		data   []byte
		bad    bool
		packet int
	}{
		{"empty", nil, false, 0},
		{"cut in the header", whole[:20], false, 0},
		{"cut in the last packet", whole[:len(whole)-3], true, 49},
		{"gzip cut", []byte{0x1f, 0x8b, 8}, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := captures(t, explain.Options{}, explain.Input{Name: "x", Data: bytes.NewReader(tt.data)})
			if len(r.Damage) != 1 || r.Damage[0].File != "x" || r.Packets != tt.packet || r.Bad() != tt.bad {
				t.Errorf("damage %v, %d packets, bad %v", r.Damage, r.Packets, r.Bad())
			}
		})
	}
	if _, err := explain.Captures(context.Background(), []explain.Input{{Name: "notes.txt", Data: bytes.NewReader([]byte("a text file"))}}, explain.Options{}); err == nil {
		t.Errorf("a text is taken for a capture")
	}
	broken := errors.New("broken")
	if _, err := explain.Captures(context.Background(), []explain.Input{{Name: "x", Data: io.MultiReader(bytes.NewReader(whole[:400]), failing{broken})}}, explain.Options{}); !errors.Is(err, broken) {
		t.Errorf("a read error is told as %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestBounds counts what it has no room for.
func TestBounds(t *testing.T) {
	tp := newTape(t)
	for i := range 100 {
		tp.connect(time.Duration(i)*50*time.Millisecond, port(client, 1000+i), server, atServer)
	}
	r := captures(t, explain.Options{Connections: 10}, tp.input("x"))
	if len(r.Connections) != 5 || r.LeftOut != 95 || r.Listeners[0].Attempts != 100 || r.Groups[0].Count != 100 {
		t.Errorf("%d told, %d left out, %d attempts, %d in the group", len(r.Connections), r.LeftOut, r.Listeners[0].Attempts, r.Groups[0].Count)
	}
}

// TestInterrupt explains what came before.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	data := overflowed(t).bytes()
	go func() {
		_, _ = write.Write(data)
		cancel()
		write.Close() // as tcpdump does when it is interrupted, too
	}()
	r, err := explain.Captures(ctx, []explain.Input{{Name: "-", Data: read}}, explain.Options{})
	if !errors.Is(err, context.Canceled) || r == nil || r.Packets != 50 || !r.Bad() {
		t.Errorf("error %v, report %v", err, r)
	}
}

// TestComments numbers packets by their file.
func TestComments(t *testing.T) {
	got := map[string]string{}
	comment := func(file, number int, text string) { got[fmt.Sprint(file, "#", number)] = text }
	fine := newTape(t)
	fine.connect(time.Hour, client, port(server, 80), atServer)
	captures(t, explain.Options{Comment: comment}, fine.input("a"), overflowed(t).input("b"))
	if _, ok := got["1#34"]; !ok || len(got) == 0 {
		t.Errorf("no comment on the SYN-ACK that is sent again: %v", got)
	}
	for at := range got {
		if at[0] == '0' {
			t.Errorf("a comment on packet %s of the fine capture", at)
		}
	}
}

func FuzzCaptures(f *testing.F) {
	f.Add([]byte{}, byte(0))
	f.Add(overflowed(f).bytes(), byte(0))
	f.Add(append(overflowed(f).bytes(), overflowed(f).bytes()...), byte(128))
	f.Add([]byte{0x0a, 0x0d, 0x0d, 0x0a}, byte(1))
	f.Fuzz(func(t *testing.T, data []byte, split byte) {
		defer memory.Bound(t)()
		inputs := []explain.Input{{Name: "a", Data: bytes.NewReader(data)}}
		if split > 0 {
			n := len(data) * int(split) / 256
			inputs = []explain.Input{{Name: "a", Data: bytes.NewReader(data[:n])}, {Name: "b", Data: bytes.NewReader(data[n:])}}
		}
		r, err := explain.Captures(context.Background(), inputs, explain.Options{})
		if err != nil {
			return
		}
		told := 0
		for _, g := range r.Groups {
			told += g.Count
		}
		if told+r.OtherGroups != len(r.Connections)+r.LeftOut {
			t.Errorf("%d in groups, %d connections", told, len(r.Connections)+r.LeftOut)
		}
	})
}
