package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

// ladder is a handshake with data as both ends saw it, the client a millisecond away.
func ladder() (frames []frame) {
	send := func(ms int, server bool, flags evidence.Flags) {
		there, here := evidence.ClientSide, evidence.ServerSide
		from, to := byte(1), byte(2)
		if server {
			there, here = here, there
			from, to = to, from
		}
		data := make([]byte, 14+20+20+100)
		data[5], data[11] = to, from
		data[14], data[22], data[23], data[47] = 0x45, 64, 6, byte(flags)
		data = oneHopLess(data) // for its checksum
		data[22] = 64
		for i, side := range []evidence.Side{there, here} {
			frames = append(frames, frame{T: time.Duration(ms+i) * time.Millisecond, Side: side, Data: data, Length: len(data)})
		}
	}
	send(0, false, evidence.SYN)
	send(1, true, evidence.SYN|evidence.ACK)
	send(2, false, evidence.ACK)
	send(10, false, evidence.ACK|evidence.PSH)
	send(11, true, evidence.ACK)
	send(20, true, evidence.RST)
	slices.SortStableFunc(frames, func(a, b frame) int { return int(a.T - b.T) })
	return frames
}

// told is a frame in one word: when, from whom, what, how much of it and its TTL.
func told(f frame) string {
	who := "c"
	if fromServer(f) {
		who = "s"
	}
	what := "-"
	if at := flagsAt(f.Data); at < len(f.Data) {
		what = fmt.Sprint(f.Data[at])
	}
	return fmt.Sprintf("%v %s %s %d/%d ttl %d", f.T, who, what, len(f.Data), f.Length, f.Data[22])
}

func TestPoints(t *testing.T) {
	want := map[string][]string{
		"one hop before the server":  {"900µs c 2 154/154 ttl 64", "1.1ms s 18 154/154 ttl 63", "2.9ms c 16 154/154 ttl 64", "10.9ms c 24 154/154 ttl 64", "11.1ms s 16 154/154 ttl 63", "20.1ms s 4 154/154 ttl 63"},
		"only what clients send":     {"1ms c 2 154/154 ttl 64", "3ms c 16 154/154 ttl 64", "11ms c 24 154/154 ttl 64"},
		"only what the server sends": {"1ms s 18 154/154 ttl 64", "11ms s 16 154/154 ttl 64", "20ms s 4 154/154 ttl 64"},
		"only SYN and RST":           {"1ms c 2 154/154 ttl 64", "1ms s 18 154/154 ttl 64", "20ms s 4 154/154 ttl 64"},
		"60 bytes of each":           {"1ms c 2 60/154 ttl 64", "1ms s 18 60/154 ttl 64", "3ms c 16 60/154 ttl 64", "11ms c 24 60/154 ttl 64", "11ms s 16 60/154 ttl 64", "20ms s 4 60/154 ttl 64"},
		"started late":               {"11ms c 24 154/154 ttl 64", "11ms s 16 154/154 ttl 64", "20ms s 4 154/154 ttl 64"},
		"ended early":                {"1ms c 2 154/154 ttl 64", "1ms s 18 154/154 ttl 64", "3ms c 16 154/154 ttl 64", "11ms c 24 154/154 ttl 64", "11ms s 16 154/154 ttl 64"},
		"each packet twice": {"1ms c 2 154/154 ttl 64", "1ms s 18 154/154 ttl 64", "1.01ms c 2 154/154 ttl 64", "1.01ms s 18 154/154 ttl 64", "3ms c 16 154/154 ttl 64", "3.01ms c 16 154/154 ttl 64",
			"11ms c 24 154/154 ttl 64", "11ms s 16 154/154 ttl 64", "11.01ms c 24 154/154 ttl 64", "11.01ms s 16 154/154 ttl 64", "20ms s 4 154/154 ttl 64", "20.01ms s 4 154/154 ttl 64"},
		"out of order": {"11ms c 24 154/154 ttl 64", "3ms c 16 154/154 ttl 64", "1ms s 18 154/154 ttl 64", "1ms c 2 154/154 ttl 64", "20ms s 4 154/154 ttl 64", "11ms s 16 154/154 ttl 64"},
	}
	before := ladder()
	for _, p := range points {
		frames := ladder()
		var got []string
		for _, f := range p.take(frames) {
			got = append(got, told(f))
		}
		if diff := cmp.Diff(want[p.name], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.name, diff)
		}
		if diff := cmp.Diff(before, frames); diff != "" {
			t.Errorf("%s changes what it is given:\n%s", p.name, diff)
		}
		if got := p.take(nil); len(got) != 0 {
			t.Errorf("%s of nothing: %v", p.name, got)
		}
	}
}
