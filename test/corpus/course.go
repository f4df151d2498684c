package main

import (
	"slices"
	"time"
)

// spoke is the first segment of the server that only an accepted connection sends.
func (t *listed) spoke() *segment {
	for _, s := range t.answers {
		if s.len > 0 || s.flags.has(fin) || s.flags.has(rst|ack) {
			return s
		}
	}
	return nil
}

// took is the first ACK of the server that takes something of the client beyond its SYN.
func (t *listed) took() *segment {
	for _, s := range t.answers {
		if s.flags.has(ack) && !s.flags.has(rst) && int32(s.ack-t.isn-1) > 0 {
			return s
		}
	}
	return nil
}

// refuses reports that an RST answers the SYN: it acknowledges it (RFC 9293, 3.10.7.3).
func (t *listed) refuses(s *segment) bool {
	data := uint32(0)
	if len(t.syns) > 0 {
		data = uint32(t.syns[0].len)
	}
	n := s.ack - t.isn
	return s.flags.has(rst|ack) && n > 0 && n <= data+1
}

// refusals are the RSTs of the server that answer a SYN.
func (t *listed) refusals() []*segment {
	return slices.DeleteFunc(slices.Clone(t.rejected), func(s *segment) bool { return !t.refuses(s) })
}

// checkOutcome looks for what an outcome cannot be without, and for what it cannot be with.
func (t *listed) checkOutcome() {
	no := func(bad bool, why string) {
		if bad {
			t.fail("%s, and %s", t.Outcome, why)
		}
	}
	switch t.Outcome {
	case "accepted":
		no(t.spoke() == nil, "the server has sent neither data nor FIN, nor RST with ACK")
	case "queued":
		no(true, "packets do not show that")
	case "established", "half-open", "phantom", "forgotten":
		no(len(t.follows)+len(t.resets) == 0 && t.took() == nil && t.Handshake != "fastopen", "the client sends nothing after its SYN, and nothing of it is acknowledged")
		no(t.Outcome != "established" && t.spoke() != nil, "the server has sent data, FIN or RST with ACK")
		no(t.Outcome == "phantom" && t.Handshake == "request", "a request was kept")
	case "pending":
		no(len(t.synacks) == 0 || len(t.follows) > 0, "there is no SYN-ACK, or something that follows it")
	case "unanswered":
		no(len(t.synacks) > 0 || len(t.syns) == 0, "there is a SYN-ACK, or no SYN")
	case "refused":
		no(len(t.refusals()) == 0, "no RST acknowledges the SYN")
		no(len(t.synacks) > 0 && t.synacks[0].at < t.refusals()[0].at, "a SYN-ACK came before the RST")
	case "reset":
		no(!slices.ContainsFunc(t.all, func(s *segment) bool { return s.flags.has(rst) }), "there is no RST")
	case "gave-up", "timed-out":
		no(t.took() != nil, "the server has taken data")
	case "unknown":
	default:
		t.fail("outcome %q is not known", t.Outcome)
	}
	no(t.Handshake == "fastopen" && (len(t.syns) > 0 && t.syns[0].len == 0), "handshake is fastopen, and the SYN has no data")
	no(t.crossed && t.Outcome != "unknown", "both ends have sent a SYN")
}

// checkDelay looks for the two segments that a delay is between.
func (t *listed) checkDelay() {
	if t.Delay == nil {
		return
	}
	if t.Outcome != "accepted" && t.Outcome != "established" {
		t.fail("delay_ms, and %s", t.Outcome)
	}
	var from []*segment
	for _, all := range [][]*segment{t.syns, t.synacks, t.follows} {
		from = append(from, all[:min(1, len(all))]...)
	}
	if t.Struck == "syn" {
		from = t.syns[:min(1, len(t.syns))]
	}
	for _, a := range from {
		for _, b := range t.all {
			if b.at > a.at && (b.src == t.attempt.client || b.flags.has(syn|ack)) && equal(*t.Delay, b.at-a.at) {
				return
			}
		}
	}
	t.fail("delay_ms: %g, and no segment comes so long after the first of its kind", *t.Delay)
}

// checkThen computes how the connection went on.
func (t *listed) checkThen() {
	what, at := t.sequel()
	from := t.asked(what, at)
	waited := t.end - from
	bytes := slices.ContainsFunc(t.data, func(s *segment) bool { return s.seq-t.isn-1+uint32(s.len) > 0 }) // its numbers show what was not captured
	switch {
	case what != "":
	case t.midway || !bytes || len(t.resets) > 0 || waited < time.Second:
	case t.took() != nil:
		what, at = "unanswered", t.end
	default:
		what, at = "untaken", t.end
	}
	after := max(0, at-from)
	switch {
	case len(t.syns)+len(t.synacks) == 0: // the handshake was captured at the other end alone
	case t.Then == nil && (len(t.synacks) == 0 || len(t.follows) > 0 && t.follows[0].at > at): // the capture lacks a part of the handshake
	case t.Then == nil && what == "", t.Then != nil && t.Then.What == what && equal(t.Then.After, after):
	case t.Then == nil:
		t.fail("then is absent, and it is %s after %s", what, after)
	default:
		t.fail("then: %s after %g ms, and it is %s after %s", t.Then.What, t.Then.After, what, after)
	}
}

// sequel is what the server does first after its SYN-ACK, and when.
func (t *listed) sequel() (string, time.Duration) {
	if len(t.syns)+len(t.synacks) == 0 || len(t.follows) == 0 && t.Handshake != "fastopen" {
		return "", 0 // it is not known since when the client waited
	}
	for _, s := range t.answers {
		switch {
		case s.flags.has(rst):
			if len(t.follows) > 0 && t.follows[0].at <= s.at {
				return "reset", s.at
			}
		case s.len > 0:
			return "served", s.at
		case s.flags.has(fin):
			return "closed", s.at
		}
	}
	return "", 0
}

// asked is when the client began to wait: at its first data, or at its final ACK where the
// server has acted before.
func (t *listed) asked(what string, at time.Duration) time.Duration {
	var from time.Duration
	switch {
	case len(t.follows) > 0:
		from = t.follows[0].at
	case len(t.syns) > 0:
		from = t.syns[0].at // that of Fast Open has its data
	}
	if len(t.data) > 0 && (what == "" || t.data[0].at <= at) {
		from = t.data[0].at
	}
	return from
}
