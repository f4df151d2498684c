package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// sentence is a form of what is said of a packet, and the look at what it says. A sentence
// of no form is wrong: what nobody looks up may be anything.
type sentence struct {
	form  *regexp.Regexp
	check func(t *listed, s *segment, m []string) string // what is wrong with it; m are the parts of the form
}

func form(text string) *regexp.Regexp { return regexp.MustCompile("^" + text + "$") }

const (
	often  = `(?: twice| \d+ times)?`
	when   = `((?: twice| \d+ times)?(?:, (?:at first and )?after .* s(?: and later)?| within 0\.1 s)?)`
	packet = `(the SYN-ACK|the SYN|the final ACK|the client's data|the client's FIN|the client's RST)`
)

var sentences = []sentence{
	{form(`SYN`), func(t *listed, s *segment, _ []string) string {
		first := slices.IndexFunc(t.all, func(s *segment) bool { return s.src == t.attempt.client && s.flags&(syn|ack|rst) == syn })
		return wrong(first < 0 || s != t.all[first], "it is no SYN of the client, or not its first")
	}},
	{form(`SYN-ACK`), func(t *listed, s *segment, _ []string) string {
		return wrong(len(t.synacks) == 0 || s != t.synacks[0], "it is no SYN-ACK that answers the SYN, or not the first")
	}},
	{form(`(final ACK|data or FIN in place of the final ACK)(: it came, and the server asks for it again|: it came, and the data after it is not acknowledged)?`), finalACK},
	{form(`the client's first data`), func(t *listed, s *segment, _ []string) string {
		first := slices.IndexFunc(t.data, func(s *segment) bool { return s.len > 0 })
		return wrong(first < 0 || s != t.data[first], "it is not the first segment of the client with data")
	}},
	{form(`the client's FIN`), func(t *listed, s *segment, _ []string) string {
		return wrong(s.src != t.attempt.client || !s.flags.has(fin), "it is no FIN of the client")
	}},
	{form(`the client sends its SYN again` + when + `(: it has had no answer|: it was answered for another connection|, although it is refused|, although it was answered|, although the server had answered it|: it had no answer at first)`), synAgain},
	{form(`the server sends its SYN-ACK again` + when + `: it still waits for the final ACK`), synackAgain},
	{form(`the server sends its SYN-ACK again(` + often + `), as an answer to the SYN that was sent again`), synackAnswers},
	{form(`the client sends its data again` + when + `: the server does not acknowledge it`), dataAgain},
	{form(`the server answers with a SYN cookie and keeps no request`), func(t *listed, s *segment, _ []string) string {
		return wrong(s.src != t.attempt.server || !s.flags.has(syn|ack) || t.Handshake != "cookie", "it is no SYN-ACK, or the handshake is no cookie's")
	}},
	{form(`the server answers the SYN with a bare ACK(` + often + `): it has another connection from this address and port, in TIME-WAIT or still open`), challenges},
	{form(`an RST comes that does not acknowledge the SYN: the client ignores it`), func(t *listed, s *segment, _ []string) string {
		return wrong(s.src != t.attempt.server || !s.flags.has(rst) || !t.strange(s), "it acknowledges the SYN, or is no RST of the server")
	}},
	{form(packet + ` comes with a wrong checksum: TCP drops it`), func(t *listed, s *segment, m []string) string {
		return wrong(!s.wrong || s.partial || !t.isThe(m[1], s), "its checksum is right, or is not known, or it is something else")
	}},
	{form(`the server answers the data with an ACK that takes none of it(` + often + `)(: its timestamp is older than one before \(PAWS\))?`), refusesData},
	{form(`the server answers with RST(` + often + `): the client acknowledges byte (\d+), which was never sent`), misacked},
	{form(`the server refuses the connection(` + often + `)`), func(t *listed, s *segment, m []string) string {
		all := t.refusals()
		return wrong(len(all) == 0 || s != all[0] || m[1] != times(len(all)), fmt.Sprintf("%d RSTs acknowledge the SYN", len(all)))
	}},
	{form(`the server resets the connection(?:: tcp_abort_on_overflow is set|, as with tcp_abort_on_overflow|: it had sent a SYN cookie, and what comes now does not begin where the cookie can be checked|: it has forgotten the connection|: its listener was closed)?`), func(t *listed, s *segment, _ []string) string {
		return wrong(len(t.rejected) == 0 || s != t.rejected[0], "it is not the server's first RST")
	}},
	{form(`the server answers ` + packet + ` with RST(?:: it has forgotten the connection|: its listener was closed|, as one whose listener was closed)`), func(t *listed, s *segment, m []string) string {
		i := slices.Index(t.all, s)
		before := slices.ContainsFunc(t.all[:i], func(s *segment) bool { return s.src == t.attempt.client && t.isThe(m[1], s) })
		return wrong(len(t.rejected) == 0 || s != t.rejected[0] || !before, "it is not the server's first RST, or there was no such segment before")
	}},
	{form(`the client resets the connection`), func(t *listed, s *segment, _ []string) string {
		return wrong(len(t.resets) == 0 || s != t.resets[0], "it is not the client's first RST")
	}},
}

func wrong(bad bool, why string) string {
	if bad {
		return why
	}
	return ""
}

// checkEvidence looks a sentence up in the packets.
func (t *listed) checkEvidence(e evidence, c *capture) {
	s := c.byNumber[e.Packet]
	switch {
	case s == nil:
		t.fail("#%d %s: the packet is no segment of TCP", e.Packet, e.Text)
		return
	case !slices.Contains(t.all, s):
		t.fail("#%d %s: the packet is of something else", e.Packet, e.Text)
		return
	}
	if t.crossed {
		return // neither of both is the client
	}
	for _, x := range sentences {
		if m := x.form.FindStringSubmatch(e.Text); m != nil {
			if why := x.check(t, s, m); why != "" {
				t.fail("#%d %s: %s", e.Packet, e.Text, why)
			}
			return
		}
	}
	t.fail("#%d %s: nothing is known that checks this sentence", e.Packet, e.Text)
}

// isThe reports that a segment is what a sentence calls it.
func (t *listed) isThe(name string, s *segment) bool {
	switch name {
	case "the SYN":
		return s.flags&(syn|ack) == syn
	case "the SYN-ACK":
		return s.flags.has(syn | ack)
	case "the client's RST":
		return s.flags.has(rst)
	case "the client's data":
		return s.len > 0
	case "the client's FIN":
		return s.len == 0 && s.flags.has(fin)
	}
	return s.flags&(syn|ack|rst) == ack && s.size() == 0
}

// times is how a sentence says how often.
func times(n int) string {
	switch n {
	case 0, 1:
		return ""
	case 2:
		return " twice"
	}
	return fmt.Sprintf(" %d times", n)
}

// oftenAndWhen is how a sentence says how often something happened and when, since the first.
func oftenAndWhen(all []*segment, since time.Duration) string {
	const toldOf = 8 // times; more are counted
	var at []string
	atOnce := 0
	for _, s := range all[:min(len(all), toldOf)] {
		if d := s.at - since; d < 50*time.Millisecond {
			atOnce++
		} else {
			at = append(at, fmt.Sprintf("%.1f", d.Round(100*time.Millisecond).Seconds()))
		}
	}
	text := times(len(all))
	switch {
	case len(at) == 0 && len(all) <= 1:
		return text
	case len(at) == 0:
		return text + " within 0.1 s"
	case atOnce > 0:
		text += ", at first and after "
	default:
		text += ", after "
	}
	switch last := len(at) - 1; {
	case len(all) > toldOf:
		return text + strings.Join(at, ", ") + " s and later"
	case last > 0:
		return text + strings.Join(at[:last], ", ") + " and " + at[last] + " s"
	}
	return text + at[0] + " s"
}
