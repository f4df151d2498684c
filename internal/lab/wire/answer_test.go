package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

// event is one thing that the Tap saw of a segment.
type event struct {
	kind  Kind
	to    Side
	seq   uint32
	flags evidence.Flags
}

// TestAnswer: what the wire answers is lost to the one side and delivered to the other, and
// nobody sent it; what is too large is lost; what is altered was sent so.
func TestAnswer(t *testing.T) {
	r := newRig(t, nil)
	isSeq := func(seq uint32) func(*evidence.Packet) bool {
		return func(p *evidence.Packet) bool { return p.Seq == seq }
	}
	r.Answer(evidence.ServerSide, isSeq(1), Reply{Flags: evidence.RST, Both: true, Times: 1})
	r.Answer(evidence.ServerSide, isSeq(2), Reply{})
	r.Alter(evidence.ServerSide, isSeq(3), Change{Seq: 100, Times: 1})
	r.run(t)
	fd := sender(t, r.client)
	send := func(seqs ...uint32) {
		before := r.Snapshot().ToServer.Hosts.Sent
		for _, seq := range seqs {
			transmit(t, fd, synFrame(r.client, r.server, 5, seq))
		}
		until(t, "all frames passed", func() bool {
			s := r.Snapshot()
			return s.ToServer.Hosts.Sent == before+uint64(len(seqs)) && s.Quiet()
		})
	}
	send(1, 1, 2, 3, 3)
	r.Silence()
	r.LeaveAlone()
	r.Shape(evidence.ServerSide, Shape{MTU: 39})
	send(2)
	r.Shape(evidence.ServerSide, Shape{MTU: 40})
	send(2)

	toServer, toClient := evidence.ServerSide, evidence.ClientSide
	const syn, rst, ack = evidence.SYN, evidence.RST, evidence.ACK
	var got, answers []event
	for _, e := range r.noted(func(seen) bool { return true }) {
		this := event{e.Kind, e.To, e.packet.Seq, e.packet.Flags}
		switch {
		case e.To == toServer:
			got = append(got, this)
		case e.packet.Ack == 2 && e.Kind == Delivered: // what the wire says to 1; else the server's kernel answers
			answers = append(answers, this)
		}
	}
	want := []event{
		{Sent, toServer, 1, syn}, {Lost, toServer, 1, syn}, {Sent, toServer, 1, syn},
		{Sent, toServer, 2, syn}, {Lost, toServer, 2, syn},
		{Sent, toServer, 103, syn}, {Sent, toServer, 3, syn},
		{Delivered, toServer, 1, rst}, {Delivered, toServer, 1, syn},
		{Delivered, toServer, 103, syn}, {Delivered, toServer, 3, syn},
		{Sent, toServer, 2, syn}, {Lost, toServer, 2, syn},
		{Sent, toServer, 2, syn}, {Delivered, toServer, 2, syn},
	}
	counted := func(all []event) map[event]int {
		counts := map[event]int{}
		for _, e := range all {
			counts[e]++
		}
		return counts
	}
	if diff := cmp.Diff(counted(want), counted(got), cmp.AllowUnexported(event{})); diff != "" {
		t.Errorf("to the server (-want +got):\n%s", diff)
	}
	if len(answers) == 0 || answers[0] != (event{Delivered, toClient, 0, rst | ack}) {
		t.Errorf("answers %+v", answers)
	}
}
