package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// set is a set of hypotheses.
func set(all ...Hypothesis) (s Set) {
	for _, h := range all {
		s.add(h)
	}
	return s
}

// names are those of a set, for a difference that can be read.
func names(s Set) (all []string) {
	for h := range hypotheses {
		if s.Has(h) {
			all = append(all, h.String())
		}
	}
	return all
}

// full and lengthy are queues that nothing else explains, lengthy with its length, and quiet
// one of which nothing is known.
var (
	full  = Queue{Clients: 3, SYNs: 1, ACKs: 2, Packets: 9, Fill: 2, Through: 1, Only: "that of this queue"}
	quiet = Queue{}

	lengthy = Queue{Clients: 3, SYNs: 1, ACKs: 2, Packets: 9, Fill: 4, Limit: 4, Through: 1, Only: "that of this queue"}
)

// TestDifferentiate: what is left for an attempt, and what is proven.
func TestDifferentiate(t *testing.T) {
	for _, c := range []struct {
		name         string
		seen         Seen
		queue        Queue
		left, proven Set
	}{
		{"nothing is the matter", Seen{AtServer: true}, quiet, 0, 0},
		{"a SYN without an answer", Seen{AtServer: true, SYNs: 2, Answered: -1}, quiet,
			set(FullAtSYN, FilterSYN, FullSynQueue, SynReserve, ConnectionLimit), 0},
		{"the same, before the server", Seen{SYNs: 2, Answered: -1}, quiet,
			set(FullAtSYN, FilterSYN, FullSynQueue, SynReserve, Loss, ConnectionLimit), 0},
		{"the same, while nothing can wait and there are few requests", Seen{AtServer: true, SYNs: 2, Others: true, Answered: 3}, quiet,
			set(FilterSYN, ConnectionLimit), 0},
		{"the same, while others wait", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 2, Answered: 3}, quiet,
			set(FullAtSYN, FilterSYN, ConnectionLimit), 0},
		{"the same, of a queue that was full", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 2, Answered: 3}, full,
			set(FullAtSYN), set(FullAtSYN)},
		{"the same, with room in a SYN queue of that length", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 4, Requests: 1}, lengthy,
			set(FullAtSYN), set(FullAtSYN)},
		{"the same, without room", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 4, Requests: 3}, lengthy,
			set(FullAtSYN, FullSynQueue), 0},
		{"the same, while more wait than fit", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 6, Requests: 1}, lengthy,
			set(FullAtSYN, FullSynQueue), 0},
		{"the same, with many requests", Seen{AtServer: true, SYNs: 2, Others: true, MayWait: 4, Requests: 96, Reserve: true}, lengthy,
			set(FullAtSYN, FullSynQueue, SynReserve), 0},
		{"the same, before the server", Seen{SYNs: 2, Others: true, MayWait: 2, Answered: 3}, full,
			set(FullAtSYN, FilterSYN, Loss), 0},
		{"a SYN that another connection answers", Seen{AtServer: true, SYNs: 1, Challenged: true}, quiet,
			set(Predecessor), set(Predecessor)},
		{"more requests than were ever let in, of no usual limit", Seen{AtServer: true, SYNs: 1, Others: true, Requests: 4, Answered: 3}, quiet,
			set(FilterSYN, FullSynQueue, ConnectionLimit), 0},
		{"the same, of a usual limit", Seen{AtServer: true, SYNs: 1, Others: true, Requests: 4, Answered: 3, Reserve: true}, quiet,
			set(FilterSYN, FullSynQueue, SynReserve, ConnectionLimit), 0},
		{"an ACK that the server asks for again", Seen{AtServer: true, ACKs: 2, AskedAgain: 1}, quiet,
			set(FullAtACK, FilterACK, Deferral), 0},
		{"the same, and data came", Seen{AtServer: true, ACKs: 2, AskedAgain: 1, Data: true}, quiet,
			set(FullAtACK, FilterACK), 0},
		{"the same, and the server speaks first", Seen{AtServer: true, ACKs: 2, AskedAgain: 1, Speaks: true}, quiet,
			set(FullAtACK, FilterACK), 0},
		{"the same, of a cookie", Seen{AtServer: true, ACKs: 2, AskedAgain: 1, Cookie: true}, quiet,
			set(FullAtACK, FilterACK), 0},
		{"the same, and not after a second", Seen{AtServer: true, ACKs: 2, AskedAgain: 1, Overlooked: true}, quiet,
			set(FilterACK, Deferral), set(Deferral)},
		{"data that comes to nothing", Seen{AtServer: true, ACKs: 2, Data: true}, full,
			set(FullAtACK), set(FullAtACK)},
		{"data with a wrong checksum", Seen{AtServer: true, ACKs: 2, Data: true, BadSum: true}, full,
			set(Checksum), set(Checksum)},
		{"data that is answered", Seen{AtServer: true, ACKs: 2, Data: true, Refused: true}, full,
			set(Refusal), set(Refusal)},
		{"data of yesterday", Seen{AtServer: true, ACKs: 2, Data: true, Refused: true, Older: true}, full,
			set(PAWS), set(PAWS)},
		{"a SYN that a limit would not have dropped", Seen{AtServer: true, SYNs: 2, Others: true, Answered: 3, Requests: 1}, Queue{Clients: 1, SYNs: 1},
			set(FilterSYN), 0},
		{"the same, by the number that is open", Seen{AtServer: true, SYNs: 2, Others: true, Answered: 3, Requests: 1}, Queue{Clients: 1, SYNs: 1, Limited: true},
			set(FilterSYN, ConnectionLimit), 0},
		{"a SYN whose answer is not in the capture", Seen{AtServer: true, SYNs: 2, Others: true, Answered: 3, Requests: 1, Lacks: true}, Queue{Clients: 1, SYNs: 1},
			set(FilterSYN, NotEnough), 0},
		{"an ACK that is asked for again, in a capture that lacks something", Seen{AtServer: true, ACKs: 2, AskedAgain: 1, Data: true, Lacks: true}, quiet,
			set(FullAtACK, FilterACK), 0},
		{"an RST of a connection, at the server", Seen{AtServer: true, Reset: true}, quiet,
			set(ApplicationReset), 0},
		{"the same, on the way", Seen{Reset: true}, quiet,
			set(ApplicationReset, Middlebox), 0},
		{"an RST that answers a segment, on the way", Seen{Reset: true, Plain: true}, quiet,
			set(Middlebox), 0},
		{"an RST with numbers of its own", Seen{AtServer: true, Reset: true, Misfit: true}, quiet,
			set(Middlebox), set(Middlebox)},
		{"an RST with a TTL of its own", Seen{Reset: true, OtherHops: true}, quiet,
			set(ApplicationReset, Middlebox), set(Middlebox)},
		{"an RST that answers a segment, with a TTL of its own", Seen{Reset: true, Plain: true, OtherHops: true}, quiet,
			set(Middlebox), 0},
		{"an RST that does not acknowledge the SYN", Seen{AtServer: true, Strange: true}, quiet,
			set(Middlebox), 0},
		{"a SYN that is refused", Seen{AtServer: true, Refusing: true}, quiet, 0, 0},
		{"a SYN that is refused, with a number", Seen{AtServer: true, Refusing: true, Misfit: true}, quiet,
			set(Middlebox), set(Middlebox)},
		{"an ACK of what was not sent", Seen{AtServer: true, ACKs: 1, Misacked: true}, full,
			set(Unacceptable), set(Unacceptable)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Differentiate(&c.seen, &c.queue)
			if diff := cmp.Diff(names(c.left), names(d.Left)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(names(c.proven), names(d.Proven)); diff != "" {
				t.Errorf("proven (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(d, Differentiate(&c.seen, &c.queue)); diff != "" {
				t.Errorf("judged twice:\n%s", diff)
			}
			for _, r := range d.All {
				if d.Left.Has(r.Hypothesis) == (r.Out != "") {
					t.Errorf("%s is left and out: %q", r.Hypothesis, r.Out)
				}
			}
		})
	}
}
