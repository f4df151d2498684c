package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// crowd is a listener of the document and what was captured of its connections.
type crowd struct {
	*result
	*listener
	all []*listed
}

func (c *crowd) fail(format string, args ...any) {
	c.result.fail("%s: %s", c.Address, fmt.Sprintf(format, args...))
}

// count counts connections.
func (c *crowd) count(is func(*listed) bool) (n int) {
	for _, t := range c.all {
		if is(t) {
			n++
		}
	}
	return n
}

// checkListeners compares what is said of addresses with the packets.
func checkListeners(res *result, doc *document, all []*listed, byPacket map[int]*listed) {
	for i := range doc.Listeners {
		l := &doc.Listeners[i]
		c := &crowd{result: res, listener: l}
		for _, t := range all {
			if t.Server == l.Address && t.Place == l.Place {
				c.all = append(c.all, t)
			}
		}
		c.checkVerdict()
		c.checkEvidence(byPacket)
		for i, x := range l.Full {
			if x.From > x.To || x.To > doc.Span || i > 0 && x.From < l.Full[i-1].To {
				c.fail("full from %g to %g ms", x.From, x.To)
			}
		}
		if l.Finding == "not-enough" && !slices.Contains(doc.Lacks, l.Verdict) {
			c.fail("lacks does not say: %s", l.Verdict)
		}
	}
	checkHow(res, doc, all)
}

// checkEvidence looks whether what is cited is cited for a connection of the listener.
func (c *crowd) checkEvidence(byPacket map[int]*listed) {
	for _, e := range c.listener.Evidence {
		t := byPacket[e.Packet]
		if t == nil || !slices.Contains(c.all, t) || !slices.Contains(t.Evidence, e) {
			c.fail("#%d %s: no connection of this address has that", e.Packet, e.Text)
		}
	}
}

// claim is a form of a part of a verdict, and how the number in it is counted. exact counts
// are compared as they are, of others the number is the most that it may be.
type claim struct {
	form  *regexp.Regexp
	exact bool
	count func(c *crowd) int
}

func number(text string) *regexp.Regexp {
	return regexp.MustCompile(`(\d+) ` + text)
}

var claims = []claim{
	{number(`met it full`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool {
			return t.Cause == "accept-queue-full" && (t.Confidence != "possible" || t.overflowProven())
		})
	}},
	{number(`more perhaps`), false, func(c *crowd) int { return c.count((*listed).troubled) }},
	{number(`lost packets in the network`), true, func(c *crowd) int { return c.count(func(t *listed) bool { return t.Cause == "network-loss" }) }},
	{number(`had SYNs dropped`), false, func(c *crowd) int {
		return c.count(func(t *listed) bool { return len(t.syns) > 1 || len(t.synacks) == 0 })
	}},
	{number(`never came back after their SYN`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool {
			return !t.midway && len(t.syns) <= 1 && len(t.follows)+len(t.resets)+len(t.rejected) == 0 && !t.unasked()
		})
	}},
	{number(`felt it`), true, func(c *crowd) int {
		return c.Causes[map[string]string{"listener-closed": "listener-closed", "network-loss": "network-loss"}[c.Finding]]
	}},
	{number(`were refused while others were let in`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool { return t.Outcome == "refused" && t.Cause == "host-drop" })
	}},
	{number(`had packets dropped`), false, func(c *crowd) int { return c.count((*listed).troubled) }},
	{number(`had begun before the capture did`), true, func(c *crowd) int { return c.count(func(t *listed) bool { return t.midway }) }},
	{number(`answered it with RST`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool { return len(t.resets) > 0 && len(t.follows) == 0 && !t.midway })
	}},
	{number(`met an old connection`), true, func(c *crowd) int { return c.count(func(t *listed) bool { return len(t.challenges()) > 0 }) }},
	{number(`acknowledged what the server had not sent`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool { return t.has("which was never sent") })
	}},
	{number(`sent data that the server answers`), true, func(c *crowd) int { return c.count(func(t *listed) bool { return t.has("takes none of it") }) }},
	{number(`sent segments with a wrong checksum`), true, func(c *crowd) int { return c.count(func(t *listed) bool { return t.has("wrong checksum") }) }},
	{number(`kept back by TCP_DEFER_ACCEPT`), true, func(c *crowd) int { return c.Causes["defer-accept"] }},
	{number(`reset without a sign of why`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool { return t.Outcome == "reset" && t.Cause == "unknown" })
	}},
	{number(`with more than one SYN-ACK`), false, func(c *crowd) int { return c.count(func(t *listed) bool { return len(t.synacks) > 1 }) }},
	{number(`not served as far as the capture goes`), false, func(c *crowd) int {
		return c.count(func(t *listed) bool { return t.spoke() == nil && len(t.follows)+len(t.synacks) > 0 })
	}},
	{number(`with data that the server has taken and not answered`), true, func(c *crowd) int {
		return c.count(func(t *listed) bool { return t.Then != nil && t.Then.What == "unanswered" })
	}},
	{number(`without an answer when the capture ended`), false, func(c *crowd) int { return c.count(func(t *listed) bool { return t.Outcome == "unanswered" }) }},
	{number(`connections (?:or more )?may have waited`), false, func(c *crowd) int { return c.count(func(t *listed) bool { return len(t.follows) > 0 }) }},
}

// numberOf is how many connections a verdict is of.
var numberOf = regexp.MustCompile(`of (?:(\d+) connections|one connection) `)

// checkVerdict counts what a verdict counts. Each number in it has to be looked up.
func (c *crowd) checkVerdict() {
	text := c.Verdict
	take := func(from, to int) { text = text[:from] + text[to:] }
	if m := numberOf.FindStringSubmatchIndex(text); m != nil {
		n := 1
		if m[2] >= 0 {
			n, _ = strconv.Atoi(text[m[2]:m[3]])
		}
		if n != c.Attempts {
			c.fail("%s: there are %d attempts", c.Verdict, c.Attempts)
		}
		take(m[0], m[1])
	}
	for _, x := range claims {
		m := x.form.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(text[m[2]:m[3]])
		if want := x.count(c); x.exact && n != want || n > want {
			c.fail("%s: %q, and the packets have %d", c.Verdict, text[m[0]:m[1]], want)
		}
		take(m[2], m[3])
	}
	switch {
	case c.Finding == "reflection":
		c.checkReflection()
	case strings.ContainsAny(text, "0123456789"):
		c.fail("%s: nothing is known that checks all of its numbers", c.Verdict)
	}
	c.checkLack()
}

var reflected = regexp.MustCompile(`^SYN-ACKs of (\d+) servers come to (\S+), which has sent none of them a SYN: somebody has forged its address$`)

func (c *crowd) checkReflection() {
	if m := reflected.FindStringSubmatch(c.Verdict); m != nil && (m[1] != strconv.Itoa(c.Attempts) && c.Attempts < atoi(m[1]) || m[2] != c.Address) {
		c.fail("%s: %d attempts of %s", c.Verdict, c.Attempts, c.Address)
	}
}

func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// checkLack looks whether what a capture is said to lack is not there.
func (c *crowd) checkLack() {
	lacks := func(said string, is func(*listed) bool) {
		if n := c.count(is); strings.HasPrefix(c.Verdict, said) && n > 0 {
			c.fail("%s: %d connections have that", c.Verdict, n)
		}
	}
	lacks("the server's packets are not", func(t *listed) bool { return len(t.synacks)+len(t.rejected)+len(t.answers) > 0 })
	lacks("the clients' packets are not", func(t *listed) bool { return !t.midway && len(t.syns)+len(t.follows)+len(t.resets) > 0 })
	lacks("the clients' ACKs are not", func(t *listed) bool { return len(t.follows) > 0 })
	lacks("no SYN was answered, and none was sent again", func(t *listed) bool { return len(t.synacks)+len(t.refusals()) > 0 || len(t.syns) > 1 })
	lacks("no connection was seen from its beginning", func(t *listed) bool { return len(t.syns) > 0 })
	lacks("no handshake is in the capture whole", func(t *listed) bool { return len(t.syns) > 0 && len(t.synacks) > 0 && len(t.follows) > 0 })
	lacks("no SYN is answered", func(t *listed) bool { return len(t.synacks)+len(t.refusals()) > 0 })
	lacks("nothing listens here", func(t *listed) bool { return len(t.synacks) > 0 })
	lacks("each SYN is refused", func(t *listed) bool { return len(t.synacks) > 0 || len(t.refusals()) == 0 })
}

// has reports that something is said of a connection.
func (t *listed) has(words string) bool {
	return slices.ContainsFunc(t.Evidence, func(e evidence) bool { return strings.Contains(e.Text, words) })
}

// overflowProven reports that something was seen that a full accept queue alone explains.
func (t *listed) overflowProven() bool {
	return slices.ContainsFunc(t.Hypotheses, func(h hypothesis) bool {
		return h.Proven != "" && strings.HasPrefix(h.Name, "accept queue full")
	})
}

// troubled reports that packets show anything that a drop can be the reason of.
func (t *listed) troubled() bool {
	return len(t.syns) > 1 || len(t.synacks) != 1 || len(t.again) > 0 || len(t.rejected) > 0 || t.spoke() == nil && t.took() == nil
}

var waits = regexp.MustCompile(`^by the waits in (\d+) handshakes$`)

// checkHow counts the handshakes that show where a file was captured.
func checkHow(res *result, doc *document, all []*listed) {
	for _, f := range doc.Files {
		m := waits.FindStringSubmatch(f.How)
		if m == nil {
			continue
		}
		whole := 0
		for _, t := range all {
			if len(t.syns) > 0 && len(t.synacks) > 0 && len(t.follows) > 0 {
				whole++
			}
		}
		if n := atoi(m[1]); n > whole || n == 0 {
			res.fail("%s: %d handshakes are whole", f.How, whole)
		}
	}
}
