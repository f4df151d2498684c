package explain_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/explain"
	"listenq/internal/judge"
)

// fieldCase is a capture of testdata/field, and what has to be told of it. Those that begin with f are the
// smallest that show a thing; the others were captured on lo, where no queue overflowed, with
// the exception of real_srcport, which does not show that it did.
type fieldCase struct {
	file    string
	place   answer.Place
	finding judge.Finding
	says    string // in the verdict on the listener
	client  string // the beginning of its address
	outcome judge.Outcome
	causes  []judge.Cause // any of them
	sure    judge.Confidence
}

var (
	drops   = []judge.Cause{judge.AcceptQueueFull, judge.HostDrop}
	nothing = []judge.Cause{judge.NoCause}
)

const (
	likely   = judge.Likely
	possible = judge.Possible
)

var fieldCases = []fieldCase{
	{"f01_challenge_ack", answer.PlaceServer, judge.Fine, "old connection", "203.0.113.5:", judge.EstablishedBoth, []judge.Cause{judge.OldConnection}, likely},
	{"f02_bad_ack_number", answer.PlaceServer, judge.Fine, "acknowledged what the server had not sent", "203.0.113.5:", judge.Reset, []judge.Cause{judge.ByClient}, likely},
	{"f03b_data_refused_by_ack", answer.PlaceServer, judge.Fine, "does not take", "203.0.113.5:", judge.EstablishedBoth, []judge.Cause{judge.DataRefused}, likely},
	{"f03c_data_bad_checksum", answer.PlaceServer, judge.Fine, "wrong checksum", "203.0.113.5:", judge.EstablishedBoth, []judge.Cause{judge.BadChecksum}, likely},
	{"f04_syn_rate_limit", answer.PlaceServer, judge.Undecided, "", "203.0.113.5:", judge.Accepted, drops, possible},
	{"f05_captured_at_gateway", answer.PlaceBetween, judge.Undecided, "", "203.0.113.5:", "", drops, possible},
	{"f06_idle_reset", answer.PlaceServer, judge.Fine, "reset without a sign of why", "203.0.113.5:", judge.Reset, []judge.Cause{judge.UnknownCause}, possible},
	{"f08_half_open_checks", answer.PlaceBetween, judge.Halved, "answered it with RST", "203.0.113.5:", judge.GaveUp, []judge.Cause{judge.ByClient}, ""},
	{"f09_filter_of_the_docs", answer.PlaceBetween, judge.Unseen, "ACKs are not in the capture", "203.0.113.5:", judge.Pending, nil, possible},
	{"f10_one_syn", answer.PlaceBetween, judge.Unseen, "too short", "203.0.113.5:", judge.Unanswered, nil, possible},
	{"f11_refused_thrice", answer.PlaceBetween, judge.Nothing, "refused", "203.0.113.5:", judge.Refused, []judge.Cause{judge.NoListener}, possible},
	{"f12_invalid_rst", answer.PlaceClient, judge.Fine, "", "203.0.113.5:", judge.Accepted, nothing, possible},
	{"f13_client_direction", answer.PlaceBetween, judge.Unseen, "server's packets are not in the capture", "203.0.113.5:", "", nil, possible},
	{"f15_defer_accept", answer.PlaceServer, judge.Fine, "TCP_DEFER_ACCEPT", "203.0.113.5:", judge.Accepted, []judge.Cause{judge.DeferAccept}, likely},
	{"f16_time_goes_back", answer.PlaceServer, judge.Fine, "", "203.0.113.5:", judge.Accepted, nothing, likely},
	{"f18_reflection_victim", answer.PlaceBetween, judge.Reflecting, "30 servers", "203.0.113.5:", judge.Unknown, nil, possible},
	{"f22_synack_twice", answer.PlaceBetween, judge.Fine, "more than one SYN-ACK", "203.0.113.5:", judge.EstablishedBoth, nothing, possible},
	{"real_defer", answer.PlaceBoth, judge.Fine, "TCP_DEFER_ACCEPT", "127.0.0.1:43760", judge.Accepted, []judge.Cause{judge.DeferAccept}, likely},
	{"real_nft_ack", answer.PlaceBoth, judge.Undecided, "", "127.0.0.1:42428", judge.HalfOpen, drops, possible},
	{"real_nft_syn_slow", answer.PlaceBoth, judge.Undecided, "", "127.0.0.1:55084", judge.Accepted, drops, possible},
	{"real_raw_badack", answer.PlaceBoth, judge.Fine, "acknowledged what the server had not sent", "127.9.0.1:", judge.Reset, []judge.Cause{judge.ByClient}, ""},
	{"real_srcport", answer.PlaceBoth, judge.Unseen, "clients' packets are not in the capture", "127.0.0.1:", judge.Unknown, nil, possible},
}

// TestField: none of them may be told to be an overflow, and each is told for what it is.
func TestField(t *testing.T) {
	for _, c := range fieldCases {
		t.Run(c.file, func(t *testing.T) {
			r := field(t, c.file)
			if r.Files[0].Place != c.place {
				t.Errorf("captured at %q, want %q", r.Files[0].Place, c.place)
			}
			if len(r.Listeners) != 1 {
				t.Fatalf("%d listeners, want 1", len(r.Listeners))
			}
			if l := r.Listeners[0]; l.Finding != c.finding || !strings.Contains(l.Verdict, c.says) {
				t.Errorf("%s: %s; want %s and %q", l.Finding, l.Verdict, c.finding, c.says)
			}
			c.told(t, r)
			noOverflow(t, r)
		})
	}
}

// told looks for the connection that the case is about.
func (c *fieldCase) told(t *testing.T, r *answer.Explanation) {
	for _, got := range r.Connections {
		if !strings.HasPrefix(got.Client, c.client) {
			continue
		}
		fits := (c.outcome == "" || got.Outcome == c.outcome) && (c.causes == nil || slices.Contains(c.causes, got.Cause))
		if !fits || c.sure != "" && got.Confidence != c.sure {
			t.Errorf("%s: %v %s, or %v; want %s, %v %s", got.Client, got.Reading.Reading, got.Confidence, got.Alternatives, c.outcome, c.causes, c.sure)
		}
		return
	}
	t.Errorf("no connection of %s", c.client)
}

// noOverflow fails if a full queue is blamed, likely or for certain.
func noOverflow(t *testing.T, r *answer.Explanation) {
	t.Helper()
	if r.Bad() {
		t.Errorf("a queue is told to have overflowed: %+v", r.Listeners)
	}
	for _, c := range r.Connections {
		if c.Cause == judge.AcceptQueueFull && c.Confidence != judge.Possible {
			t.Errorf("%s: %v is %s", c.Client, c.Reading.Reading, c.Confidence)
		}
		for _, e := range c.Evidence {
			for _, guess := range []string{"tcp_abort_on_overflow is set", "it had sent a SYN cookie", "it has had no answer"} {
				answered := guess != "it has had no answer" || c.Cause == judge.OldConnection || c.Outcome == judge.Refused
				if answered && strings.Contains(e.Text, guess) {
					t.Errorf("%s: #%d %s: nobody has seen that", c.Client, e.Packet, e.Text)
				}
			}
		}
	}
}

func field(t *testing.T, file string) *answer.Explanation {
	t.Helper()
	data, err := os.Open(filepath.Join("testdata", "field", file+".pcap"))
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	return captures(t, explain.Options{}, explain.Input{Name: file, Data: data})
}

// TestSynAckAgain: the second one is counted, though a captured copy would come as soon.
func TestSynAckAgain(t *testing.T) {
	if c := field(t, "f22_synack_twice").Connections[0]; c.SynAckRetransmits != 1 {
		t.Errorf("%d SYN-ACKs sent again, want 1", c.SynAckRetransmits)
	}
}
