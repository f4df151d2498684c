package lab_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/judge"
	"listenq/internal/lab"
	"listenq/internal/lab/job"
)

func findBurst(t *testing.T, o lab.BurstOptions) answer.Burst {
	t.Helper()
	o.Out = t.TempDir()
	b, err := lab.FindBurst(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBurst: a server that is busy takes what its accept queue holds, and the next
// client is late.
func TestBurst(t *testing.T) {
	t.Parallel()
	b := findBurst(t, lab.BurstOptions{Backlog: 5, Accept: lab.Never, Send: "x", Clients: 100, Want: 20})
	if *b.Limit != 5 || b.Bounded || *b.Largest != (answer.BurstRange{Least: 6, Most: 6}) {
		t.Errorf("limit %d, largest %v, bounded %v; want 5, 6, false", *b.Limit, b.Largest, b.Bounded)
	}
	if len(b.Searches) != 2 || b.Searches[0] != 6 || b.Searches[1] != 6 {
		t.Errorf("searches %v, want 6 twice", b.Searches)
	}
	for _, row := range b.Rows {
		beyond := max(0, row.Clients-6)
		if row.Clean != (beyond == 0) || row.Late != beyond || row.Struck[judge.StruckACK] != beyond || row.NotConnected != 0 {
			t.Errorf("%d clients: %+v; want the final ACKs of %d dropped and those late", row.Clients, row, beyond)
		}
		if beyond > 0 && *row.LateMin < 190 {
			t.Errorf("%d clients: late by %v ms; data is not sent again so soon (TCP_RTO_MIN, include/net/tcp.h)", row.Clients, *row.LateMin)
		}
		if _, err := os.Stat(filepath.Join(row.Recording, "packets.pcapng")); err != nil {
			t.Error(err)
		}
	}
	if len(b.Rows) != 5 {
		t.Errorf("%d rows, want those of 5, 6, 7, 8 and 12 clients", len(b.Rows))
	}
	c := b.FirstDrop.Connection
	if b.FirstDrop.Clients != 7 || c.Name != "c7" || c.Cause != judge.AcceptQueueFull || c.Handshake != judge.Cookie || c.Confidence != judge.Certain {
		t.Errorf("first drop in %d: %s %s %s %s", b.FirstDrop.Clients, c.Name, c.Cause, c.Handshake, c.Confidence)
	}
	if w := b.Want; w.Backlog == nil || *w.Backlog != 19 || !w.Verified || len(w.Rows) != 2 || w.Rows[0].Clean || !w.Rows[1].Clean {
		t.Errorf("want %+v", w)
	}
}

// TestBurstWithoutCookies: it is the SYN that is dropped. Whether the SYN queue
// holds as many as the accept queue depends on the kernel.
func TestBurstWithoutCookies(t *testing.T) {
	t.Parallel()
	probed := run(t, parse(t, "probe", "# Probe.\nserver backlog 1 accept never\nexpect facts.syn_queue_test == \">\"\n"))
	largest := 5
	if probed.Facts["syn_queue_test"] == ">" {
		largest = 6
	}
	b := findBurst(t, lab.BurstOptions{Backlog: 5, Accept: lab.Never, Clients: largest + 1, Sysctls: []string{"net.ipv4.tcp_syncookies 0"}})
	if *b.Largest != (answer.BurstRange{Least: largest, Most: largest}) {
		t.Errorf("largest %v, want %d", b.Largest, largest)
	}
	if c := b.FirstDrop.Connection; c.Struck != judge.StruckSYN || c.Cause != judge.SynQueueFull {
		t.Errorf("first drop: %s of %s", c.Struck, c.Cause)
	}
}

// TestBurstBounded: no more clients are tried than allowed.
func TestBurstBounded(t *testing.T) {
	t.Parallel()
	b := findBurst(t, lab.BurstOptions{Backlog: 5, Accept: "all", Clients: 4})
	if !b.Bounded || *b.Largest != (answer.BurstRange{Least: 4, Most: 4}) || b.FirstDrop != nil {
		t.Errorf("bounded %v, largest %v, first drop %v", b.Bounded, b.Largest, b.FirstDrop)
	}
	for _, row := range b.Rows {
		if row.Clients > 4 {
			t.Errorf("a burst of %d was tried", row.Clients)
		}
	}
}

// TestBurstErrors: what cannot be tried says why, with what was found by then.
func TestBurstErrors(t *testing.T) {
	t.Parallel()
	var failure *job.Failure
	if _, err := lab.FindBurst(t.Context(), lab.BurstOptions{Exec: "sleep\nflood", Clients: 2}); !errors.As(err, &failure) {
		t.Errorf("a command of two lines: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	o := lab.BurstOptions{Backlog: 5, Accept: lab.Never, Clients: 100}
	o.Out = t.TempDir()
	o.Progress = func(p job.Progress) {
		if p.Scenario == "burst-7" {
			stop()
		}
	}
	b, err := lab.FindBurst(ctx, o)
	if !errors.Is(err, context.Canceled) || b.Tried < 2 || *b.Limit != 5 || len(b.Rows) != 0 {
		t.Errorf("interrupted: %v, %d tried, limit %v", err, b.Tried, b.Limit)
	}
	if _, err := os.Stat(filepath.Join(o.Out, "burst-7")); !os.IsNotExist(err) {
		t.Errorf("a recording of the search is left: %v", err)
	}
}
