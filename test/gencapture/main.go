// Command gencapture writes a capture as tcpdump on a busy server would: web
// traffic, connections that find the accept queue full, and a SYN flood, mixed
// by weight. The same arguments write the same bytes.
//
//	gencapture -bytes 2000000000 -web 90 -overflow 9 -flood 1 big.pcapng
//	gencapture -attempts 10000000 -web 0 -overflow 0 -bytes 0 - | listenq explain -
package main

import (
	"container/heap"
	"flag"
	"log"
	"math/rand/v2"
	"os"
	"time"

	"listenq/internal/capture"
)

// mix is what the capture is made of.
type mix struct {
	bytes, attempts      int64 // where it ends; 0 is no limit
	web, overflow, flood int   // weights
	unanswered           bool  // the flood's SYNs are dropped
	response             int   // bytes of a web server's answer, on average
	every                time.Duration
}

func main() {
	log.SetFlags(0)
	var m mix
	flag.Int64Var(&m.bytes, "bytes", 1e9, "end when the frames have so many `bytes`; 0: go on")
	flag.Int64Var(&m.attempts, "attempts", 0, "end after so many attempts; 0: go on")
	flag.IntVar(&m.web, "web", 90, "weight of web traffic on port 443")
	flag.IntVar(&m.overflow, "overflow", 9, "weight of attempts that find the accept queue of port 8080 full")
	flag.IntVar(&m.flood, "flood", 1, "weight of spoofed SYNs to port 8443")
	flag.BoolVar(&m.unanswered, "unanswered", false, "the SYNs to port 8443 are dropped, not answered")
	flag.IntVar(&m.response, "response", 20_000, "`bytes` of a web server's answer, on average")
	flag.DurationVar(&m.every, "every", 200*time.Microsecond, "time between two attempts")
	flag.Parse()
	if flag.NArg() != 1 || m.web+m.overflow+m.flood <= 0 || m.bytes <= 0 && m.attempts <= 0 {
		log.Fatal("usage: gencapture [flags] FILE (- is the standard output); see -help")
	}
	if err := m.write(flag.Arg(0)); err != nil {
		log.Fatalf("gencapture: %v", err)
	}
}

func (m mix) write(path string) error {
	file := os.Stdout
	if path != "-" {
		var err error
		if file, err = os.Create(path); err != nil {
			return err
		}
	}
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	w, err := capture.NewWriter(file, start, "gencapture", "eth0")
	if err != nil {
		return err
	}
	if err := m.run(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// run starts an attempt at every tick and writes the packets of all in the order of time.
func (m mix) run(w *capture.Writer) error {
	var (
		random  = rand.New(rand.NewPCG(1, 2))
		under   attempts // way
		written int64
		started int64
		frame   []byte
	)
	more := func() bool {
		return (m.bytes == 0 || written < m.bytes) && (m.attempts == 0 || started < m.attempts)
	}
	for more() || len(under) > 0 {
		if next := time.Duration(started) * m.every; more() && (len(under) == 0 || next <= under[0].next()) {
			heap.Push(&under, m.attempt(random, started, next))
			started++
			continue
		}
		a := under[0]
		at := a.next()
		frame = a.frame(frame[:0])
		if err := w.Packet(0, at, frame, ""); err != nil {
			return err
		}
		written += int64(len(frame))
		if a.steps = a.steps[1:]; len(a.steps) > 0 {
			heap.Fix(&under, 0)
		} else {
			heap.Pop(&under)
		}
	}
	return nil
}

// attempts are ordered by their next packet.
type attempts []*attempt

func (a attempts) Len() int           { return len(a) }
func (a attempts) Less(i, j int) bool { return a[i].next() < a[j].next() }
func (a attempts) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *attempts) Push(x any)        { *a = append(*a, x.(*attempt)) }

func (a *attempts) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
