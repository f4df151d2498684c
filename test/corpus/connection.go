package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// listed is a connection of the document and what was captured of it.
type listed struct {
	*result
	*connection
	*attempt
	end time.Duration // of the capture

	syns, synacks, follows, data, again []*segment
	resets, rejected                    []*segment // of the client, of the server
	answers                             []*segment // that come of the server, after its SYN-ACK if that was captured
}

func (t *listed) fail(format string, args ...any) {
	t.result.fail("%s at %.3f s: %s", t.name(), t.connection.Start/1000, fmt.Sprintf(format, args...))
}

func (t *listed) sees(s side) bool {
	at := map[string]side{"server": server, "client": client, "both": both}[t.Place]
	return at&s == s
}

// checkPackets compares what is said with the packets.
func checkPackets(res *result, doc *document, c *capture) {
	c.countFrom(doc.Start)
	if c.complete || c.total != doc.Packets {
		checkFile(res, doc, c)
	}
	if !c.complete || doc.LeftOut > 0 {
		return // both may have read up to another place, or not all is listed
	}
	attempts := map[string][]*attempt{}
	for _, a := range split(c.segments) {
		key := a.client.String() + " > " + a.server.String()
		attempts[key] = append(attempts[key], a)
	}
	connections := map[string][]*connection{}
	for i := range doc.Connections {
		x := &doc.Connections[i]
		connections[x.name()] = append(connections[x.name()], x)
	}
	for key, all := range attempts {
		if n := len(connections[key]); n != len(all) {
			res.fail("%s: %d connections are listed, and the packets have %d", key, n, len(all))
		}
	}
	byPacket := map[int]*listed{}
	var all []*listed
	for key, list := range connections {
		slices.SortStableFunc(list, func(a, b *connection) int { return cmp.Compare(a.Start, b.Start) })
		for i, x := range list {
			if i >= len(attempts[key]) {
				res.fail("%s at %.3f s: there are no such packets", key, x.Start/1000)
				continue
			}
			t := newListed(res, x, attempts[key][i], c)
			for _, s := range t.all {
				byPacket[s.number] = t
			}
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b *listed) int { return cmp.Compare(a.connection.Start, b.connection.Start) })
	for _, t := range all {
		t.check(c)
	}
	checkListeners(res, doc, all, byPacket)
}

func newListed(res *result, x *connection, a *attempt, c *capture) *listed {
	t := &listed{result: res, connection: x, attempt: a, end: c.end}
	each := func(*segment, *segment) bool { return true }
	t.syns = a.syns(c.named)
	if !t.sees(client) {
		t.syns = once(t.syns, oneSYN, each)
	}
	t.synacks = once(a.synacks(c.named), oneSYN, func(a, b *segment) bool { return a.seq == b.seq && a.tsval == b.tsval })
	t.follows, t.data = a.follows(c.named), a.data(c.named)
	t.again = a.again(t.data)
	if a.midway {
		t.again = nil
	}
	t.resets, t.rejected = a.resets(a.client, c.named), slices.DeleteFunc(a.resets(a.server, c.named), t.strange)
	for _, s := range a.all {
		if s.src == a.server && !s.flags.has(syn) && (len(t.synacks) == 0 || s.at >= t.synacks[0].at) {
			t.answers = append(t.answers, s)
		}
	}
	return t
}

// strange reports that an RST is none of this connection: it answers no SYN, and there is
// nothing else yet that it can answer.
func (t *listed) strange(s *segment) bool {
	early := len(t.synacks) == 0 || s.at < t.synacks[0].at
	return early && len(t.syns) > 0 && (len(t.follows) == 0 || s.at < t.follows[0].at) && !t.refuses(s)
}

// checkFile compares the file as a whole.
func checkFile(res *result, doc *document, c *capture) {
	if c.complete && doc.Packets != c.total && len(doc.Damage) == 0 {
		res.fail("packets: %d, and there are %d", doc.Packets, c.total)
	}
	if doc.Packets != c.total || c.total == 0 {
		return
	}
	if doc.Start.Before(c.earliest.Add(-time.Microsecond)) || doc.Start.After(c.first.Add(time.Microsecond)) {
		res.fail("start: %s, and the first packet is of %s, the earliest of %s", doc.Start, c.first, c.earliest)
	}
	if !equal(doc.Span, c.end) {
		res.fail("duration_ms: %g, and the last packet comes after %s", doc.Span, c.end)
	}
	skipped := 0
	for why, n := range doc.Skipped {
		if why != "duplicate" && why != "outside" && why != "one-sided" {
			skipped += n
		}
	}
	if n := len(c.byNumber); doc.Packets-skipped != n {
		res.fail("skipped_packets leave %d segments, and there are %d", doc.Packets-skipped, n)
	}
	if n := doc.Skipped["duplicate"]; n != c.copies {
		res.fail("skipped_packets: %d duplicate, and there are %d", n, c.copies)
	}
}

// check compares one connection.
func (t *listed) check(c *capture) {
	if !equal(t.connection.Start, t.began) {
		t.fail("start_ms: %g, and its first packet comes after %s", t.connection.Start, t.began)
	}
	for _, x := range []struct {
		what string
		n    int
		all  []*segment
		more int
	}{
		{"syn_retransmits", t.SYNsAgain, t.syns, 1},
		{"synack_retransmits", t.SYNACKsAgain, t.synacks, 1},
		{"data_retransmits", t.DataAgain, t.again, 0},
	} {
		if n := max(0, len(x.all)-x.more); n != x.n {
			t.fail("%s: %d, and there are %d", x.what, x.n, n)
		}
	}
	t.checkOutcome()
	t.checkDelay()
	t.checkThen()
	t.checkReadings()
	for i, e := range t.Evidence {
		if i > 0 && e.Packet < t.Evidence[i-1].Packet {
			t.fail("#%d is cited after #%d", e.Packet, t.Evidence[i-1].Packet)
		}
		t.checkEvidence(e, c)
	}
}

// checkReadings compares the alternatives with the answer.
func (t *listed) checkReadings() {
	if t.Confidence == "certain" && len(t.Alternatives) > 0 {
		t.fail("certain, and there are %d alternatives", len(t.Alternatives))
	}
	for i, r := range t.Alternatives {
		if r == t.reading || slices.Contains(t.Alternatives[:i], r) {
			t.fail("%v is listed twice", r)
		}
	}
	for _, h := range t.Hypotheses {
		if h.Out != "" && h.Proven != "" {
			t.fail("%s is contradicted (%s) and proven (%s)", h.Name, h.Out, h.Proven)
		}
	}
}
