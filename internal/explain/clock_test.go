package explain_test

import (
	"slices"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/explain"
	"listenq/internal/judge"
)

// ends are captures of both ends, whose clocks differ.
type ends struct{ client, server *tape }

const oneWay = 10 * time.Millisecond

// send adds a segment at its sender, and at its receiver unless it is lost.
func (e ends) send(at time.Duration, fromClient, lost bool, flags string, seq, ack uint32, data string) {
	from, to, a, b := e.client, e.server, client, server
	if !fromClient {
		from, to, a, b = to, from, b, a
	}
	from.put(at, a, b, flags, seq, ack, data)
	if !lost {
		to.put(at+oneWay, a, b, flags, seq, ack, data)
	}
}

// TestBothEnds tells what the network has lost from what the kernel has dropped, and
// finds how far apart the clocks are.
func TestBothEnds(t *testing.T) {
	tests := []struct {
		name string
		lost bool
		want []judge.Cause
	}{
		{"lost on the way", true, []judge.Cause{judge.NetworkLoss}},
		{"dropped by the server", false, []judge.Cause{judge.AcceptQueueFull, judge.HostDrop}},
	}
	for _, tt := range tests {
		for _, clock := range []time.Duration{0, 7 * time.Second, -7 * time.Second} {
			t.Run(tt.name+" "+clock.String(), func(t *testing.T) {
				e := ends{newTape(t), newTape(t)}
				e.client.shift, e.server.shift = 20*time.Second, 20*time.Second+clock
				for i := range 3 { // they tell where the captures were made
					at, seq := time.Duration(i)*100*time.Millisecond, uint32(100*i)
					e.send(at, true, false, "S", seq, 0, "")
					e.send(at+oneWay+ms(0.1), false, false, "SA", 500, seq+1, "")
					e.send(at+2*oneWay+ms(0.2), true, false, "A", seq+1, 501, "")
				}
				e.send(time.Second, true, tt.lost, "S", 9000, 0, "")
				e.send(2*time.Second, true, false, "S", 9000, 0, "")
				e.send(2*time.Second+oneWay+ms(0.1), false, false, "SA", 700, 9001, "")
				e.send(2*time.Second+2*oneWay+ms(0.2), true, false, "A", 9001, 701, "")
				r := captures(t, explain.Options{}, e.client.input("client"), e.server.input("server"))
				if got := r.Files[1].Clock; got == nil || (got.Duration()-clock).Abs() > time.Millisecond {
					t.Errorf("the clock is off by %v, want %v", got, clock)
				}
				last := r.Connections[len(r.Connections)-1]
				if last.CapturedAt != answer.PlaceBoth || !slices.Contains(tt.want, last.Cause) {
					t.Errorf("%+v, want the cause %v", last, tt.want)
				}
			})
		}
	}
}

// TestSYNACKLost: with both ends captured it shows that a SYN-ACK has not arrived, though
// the client's SYN and the server's timer have sent another at one moment.
func TestSYNACKLost(t *testing.T) {
	e := ends{newTape(t), newTape(t)}
	for i := range 3 {
		at, seq := time.Duration(i)*100*time.Millisecond, uint32(100*i)
		e.send(at, true, false, "S", seq, 0, "")
		e.send(at+oneWay+ms(0.1), false, false, "SA", 500, seq+1, "")
		e.send(at+2*oneWay+ms(0.2), true, false, "A", seq+1, 501, "")
	}
	e.send(ms(1000), true, false, "S", 9000, 0, "")
	e.send(ms(1010.1), false, true, "SA", 700, 9001, "")
	e.send(ms(2000), true, false, "S", 9000, 0, "")
	e.send(ms(2009), false, false, "SA", 700, 9001, "")
	e.send(ms(2010.1), false, false, "SA", 700, 9001, "")
	e.send(ms(2019.2), true, false, "A", 9001, 701, "")
	e.send(ms(4000), true, false, "PA", 9001, 701, "hello")
	r := captures(t, explain.Options{}, e.client.input("client"), e.server.input("server"))
	last := r.Connections[len(r.Connections)-1]
	if last.CapturedAt != answer.PlaceBoth || last.Cause != judge.NetworkLoss || last.Struck != judge.StruckSYNACK {
		t.Errorf("%s, struck %q, seen at %s, or %v; want network-loss of the SYN-ACK", last.Reading.Reading, last.Struck, last.CapturedAt, last.Alternatives)
	}
}
