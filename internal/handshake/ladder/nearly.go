package ladder

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// edges are the times at which something changes its meaning: timers of TCP, and limits of
// what is taken for one moment (the constants of evidence and judge).
var edges = []time.Duration{
	0, time.Millisecond, 4 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	66 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond, 900 * time.Millisecond, time.Second, 3 * time.Second, 40 * time.Second,
}

// oddities are what can be odd about a packet, one at a time.
var oddities = []string{"ack+1", "ack-1", "seq+1", "seq-1", "badsum", "ttl=3", "ts=900"}

// line is one of a ladder.
type line struct {
	at   time.Duration
	what string
}

// Nearly yields ladders that differ from one in a single place, with what that is: a line is
// missing, comes twice, comes exactly so long after the one before it (and with it all that
// follow), or holds an odd packet.
func Nearly(text string) iter.Seq2[string, string] {
	var lines []line
	for l := range strings.Lines(text) {
		at, what, _ := strings.Cut(strings.TrimSpace(l), " ")
		if t, err := time.ParseDuration(at); err == nil {
			lines = append(lines, line{t, what})
		}
	}
	return func(yield func(string, string) bool) {
		for i, l := range lines {
			for change, changed := range nearly(lines, i) {
				if !yield(fmt.Sprintf("line %d (%s) %s", i+1, l.what, change), write(changed)) {
					return
				}
			}
		}
	}
}

// nearly yields the ladders that differ in one line.
func nearly(lines []line, i int) iter.Seq2[string, []line] {
	return func(yield func(string, []line) bool) {
		if !yield("missing", slices.Delete(slices.Clone(lines), i, i+1)) || !yield("twice", slices.Insert(slices.Clone(lines), i, lines[i])) {
			return
		}
		for _, gap := range edges {
			if i > 0 && !yield(fmt.Sprintf("after %v", gap), delay(lines, i, lines[i-1].at+gap-lines[i].at)) {
				return
			}
		}
		if !strings.Contains(lines[i].what, "> ") {
			return
		}
		for _, odd := range oddities {
			changed := slices.Clone(lines)
			changed[i].what += " " + odd
			if !yield("with "+odd, changed) {
				return
			}
		}
	}
}

// delay moves a line and all that follow.
func delay(lines []line, i int, by time.Duration) []line {
	moved := slices.Clone(lines)
	for j := i; j < len(moved); j++ {
		moved[j].at += by
	}
	return moved
}

func write(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%v %s\n", l.at, l.what)
	}
	return b.String()
}

// Tables are all cases.
var Tables = [][]Case{Attempts, Sampled, Lookalikes, Odd}

// paces are how much faster or slower than in the table the clients of a crowd follow each
// other.
var paces = []float64{1, 0, 0.1, 9, 20}

// Digest gives see each ladder that is nearly one of the tables, and each crowd at several
// paces. It returns a line for each case: a checksum of what see has written of it. The whole
// text, which is megabytes, goes to out.
func Digest(out io.Writer, see func(*strings.Builder, []Event)) (string, error) {
	d := digest{out: out, see: see}
	for _, table := range Tables {
		for _, c := range table {
			for change, nearly := range Nearly(c.Ladder) {
				events, err := Parse(nearly)
				d.add(c.Name+", "+change, events, err)
			}
			d.end(c.Name)
		}
	}
	for _, c := range Crowds {
		for _, pace := range paces {
			events, err := Several(paced(c.Parts, pace)...)
			d.add(fmt.Sprintf("%s, pace %g", c.Name, pace), events, err)
		}
		d.end(c.Name)
	}
	return d.sums.String(), d.err
}

// paced are parts whose clients follow each other at another pace.
func paced(parts []Part, pace float64) []Part {
	parts = slices.Clone(parts)
	for i := range parts {
		parts[i].Gap = time.Duration(pace * float64(parts[i].Gap))
	}
	return parts
}

// digest sums up what is written of the ladders of one case after the other.
type digest struct {
	out        io.Writer
	see        func(*strings.Builder, []Event)
	text, sums strings.Builder
	err        error // the first
}

func (d *digest) add(name string, events []Event, err error) {
	if d.err != nil || err != nil {
		d.err = cmp.Or(d.err, err)
		return
	}
	fmt.Fprintf(&d.text, "== %s\n", name)
	d.see(&d.text, events)
}

func (d *digest) end(name string) {
	text := d.text.String()
	d.text.Reset()
	fmt.Fprintf(&d.sums, "%.16x %s\n", sha256.Sum256([]byte(text)), name)
	if _, err := io.WriteString(d.out, text); d.err == nil {
		d.err = err
	}
}
