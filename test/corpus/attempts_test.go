package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// ladder is segments written down one by one.
type ladder []*segment

func (l ladder) put(ms int, src, dst netip.AddrPort, f flags, seq, acked uint32, size int) ladder {
	at := time.Duration(ms) * time.Millisecond
	s := &segment{number: len(l) + 1, at: at, stamp: time.Unix(0, int64(at)), src: src, dst: dst, flags: f, seq: seq, ack: acked, len: size}
	return append(slices.Clone(l), s)
}

// TestSplit: which segments are one attempt.
func TestSplit(t *testing.T) {
	open := ladder{}.put(0, alice, bob, syn, 100, 0, 0).put(1, bob, alice, syn|ack, 500, 101, 0).put(2, alice, bob, ack, 101, 501, 0)
	for _, x := range []struct {
		name    string
		all     ladder
		count   int
		midway  bool // the last
		crossed bool
	}{
		{"a handshake", open, 1, false, false},
		{"the SYN again", open.put(1000, alice, bob, syn, 100, 0, 0), 1, false, false},
		{"another SYN", open.put(1000, alice, bob, syn, 101, 0, 0), 2, false, false},
		{"no beginning", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(1, bob, alice, ack, 1, 6, 0), 1, true, false},
		{"a SYN after no beginning", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(1, alice, bob, syn, 100, 0, 0), 2, false, false},
		{"a SYN-ACK alone", open[1:2], 1, false, false},
		{"an RST alone", ladder{}.put(0, alice, bob, rst, 1, 1, 0), 0, false, false},
		{"both begin", ladder{}.put(0, alice, bob, syn, 100, 0, 0).put(0, bob, alice, syn, 500, 0, 0), 2, false, true},
	} {
		got := split(x.all)
		if len(got) != x.count {
			t.Errorf("%s: %d attempts, want %d", x.name, len(got), x.count)
			continue
		}
		if n := len(got); n > 0 && (got[n-1].midway != x.midway || got[n-1].crossed != x.crossed || got[n-1].client != alice && !x.crossed) {
			t.Errorf("%s: %+v", x.name, *got[n-1])
		}
	}
}

// TestCopies: what was captured twice, and what was sent twice.
func TestCopies(t *testing.T) {
	for _, x := range []struct {
		name string
		all  ladder
		id   uint16 // of the second
		want int
	}{
		{"data at once", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(0, alice, bob, ack, 1, 1, 5), 0, 1},
		{"data 2 ms later", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(2, alice, bob, ack, 1, 1, 5), 0, 0},
		{"a SYN 10 ms later", ladder{}.put(0, alice, bob, syn, 1, 0, 0).put(10, alice, bob, syn, 1, 0, 0), 0, 1},
		{"a SYN 1 s later", ladder{}.put(0, alice, bob, syn, 1, 0, 0).put(1000, alice, bob, syn, 1, 0, 0), 0, 0},
		{"another packet", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(0, alice, bob, ack, 1, 1, 5), 8, 0},
		{"other data", ladder{}.put(0, alice, bob, ack, 1, 1, 5).put(0, alice, bob, ack, 6, 1, 5), 0, 0},
	} {
		x.all[0].id, x.all[1].id = 7, 7
		if x.id != 0 {
			x.all[1].id = x.id
		}
		if kept, n := withoutCopies(x.all); n != x.want || len(kept) != 2-x.want {
			t.Errorf("%s: %d copies, %d kept", x.name, n, len(kept))
		}
	}
}

// TestOftenAndWhen: the words for how often and when.
func TestOftenAndWhen(t *testing.T) {
	for _, x := range []struct {
		want string
		ms   []int
	}{
		{"", []int{20}},
		{", after 1.0 s", []int{1000}},
		{" twice, after 1.0 and 3.0 s", []int{1010, 3040}},
		{" 3 times, at first and after 0.2 and 0.7 s", []int{10, 210, 650}},
		{" 3 times within 0.1 s", []int{1, 2, 3}},
		{" 9 times, after 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0 s and later", []int{1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000}},
	} {
		var l ladder
		for _, ms := range x.ms {
			l = l.put(ms, alice, bob, syn, 1, 0, 0)
		}
		if got := oftenAndWhen(l, 0); got != x.want {
			t.Errorf("%v: %q, want %q", x.ms, got, x.want)
		}
	}
}
