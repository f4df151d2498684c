package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

func finalACK(t *listed, s *segment, m []string) string {
	switch bare := s.size() == 0; {
	case s.src != t.attempt.client || s.flags&(syn|rst|ack) != ack:
		return "it is no ACK of the client"
	case bare != (m[1] == "final ACK"):
		return fmt.Sprintf("it has %d bytes, FIN %t", s.len, s.flags.has(fin))
	case slices.ContainsFunc(t.all, func(o *segment) bool { return o.at < s.at && slices.Contains(t.follows, o) }):
		return "it is not the first that follows the SYN"
	case m[2] == ": it came, and the server asks for it again":
		return wrong(!slices.ContainsFunc(t.synacks[min(1, len(t.synacks)):], func(o *segment) bool { return o.at > s.at }), "no SYN-ACK comes after it")
	case m[2] != "":
		return wrong(len(t.again) == 0, "no data is sent again")
	}
	return ""
}

// first is what is wrong if a sentence is about another segment than the first of a list, or
// in other words than the list is written in.
func first(all []*segment, s *segment, since time.Duration, words string) string {
	if len(all) == 0 || s != all[0] {
		return "it is not the first that was sent again"
	}
	if want := oftenAndWhen(all, since); words != want {
		return fmt.Sprintf("the packets say%q", want)
	}
	return ""
}

func synAgain(t *listed, s *segment, m []string) string {
	if why := first(t.syns[min(1, len(t.syns)):], s, t.syns[0].at, m[1]); why != "" {
		return why
	}
	before := func(syn *segment, all []*segment) bool {
		return slices.ContainsFunc(all, func(s *segment) bool { return s.at < syn.at })
	}
	last := t.syns[len(t.syns)-1]
	switch m[2] {
	case ": it has had no answer":
		return wrong(before(last, t.synacks) || before(last, t.refusals()), "the server has answered before the last of them")
	case ": it had no answer at first":
		return wrong(before(s, t.synacks) || !before(last, t.synacks), "the server has answered the first, or none")
	case ", although it was answered", ", although the server had answered it":
		return wrong(!before(s, t.synacks), "there is no SYN-ACK before")
	case ", although it is refused":
		return wrong(!before(last, t.refusals()), "there is no RST before")
	}
	return wrong(len(t.challenges()) == 0, "there is no bare ACK")
}

// resent are the SYN-ACKs that were sent again, by what made the server send them: its
// timer, or a SYN.
func (t *listed) resent() (timer, asked []*segment) {
	for i, s := range t.synacks {
		if i == 0 {
			continue
		}
		before := t.synacks[i-1]
		asks := slices.ContainsFunc(t.all, func(o *segment) bool {
			return t.atServer(o) && o.src == t.attempt.client && o.flags&(syn|ack) == syn && o.at > before.at && o.at <= s.at && o.number != s.number
		})
		switch soon := s.at-before.at < oneSYN; {
		case asks || soon && len(t.syns) > 1:
			asked = append(asked, s)
		case !soon: // else it is not said what it answers
			timer = append(timer, s)
		}
	}
	return timer, asked
}

// atServer reports that a segment was seen as near to the server as any.
func (t *listed) atServer(s *segment) bool {
	return s.side == 0 || s.side&server != 0 || !t.sees(server)
}

func synackAgain(t *listed, s *segment, m []string) string {
	timer, _ := t.resent()
	return first(timer, s, t.synacks[0].at, m[1])
}

func synackAnswers(t *listed, s *segment, m []string) string {
	_, asked := t.resent()
	return wrong(len(asked) == 0 || s != asked[0] || m[1] != times(len(asked)), fmt.Sprintf("%d SYN-ACKs follow a SYN that was sent again", len(asked)))
}

func dataAgain(t *listed, s *segment, m []string) string {
	if took := t.took(); took != nil {
		return fmt.Sprintf("#%d acknowledges it", took.number)
	}
	if len(t.data) == 0 {
		return "there is no data"
	}
	return first(t.again, s, t.data[0].at, m[1])
}

// challenges are ACKs of the server before its SYN-ACK that acknowledge something else.
func (t *listed) challenges() []*segment {
	return t.sent(t.attempt.server, 0, func(s *segment) bool {
		went := func(all []*segment) bool { return len(all) > 0 && all[0].at <= s.at }
		return len(t.syns) > 0 && !went(t.synacks) && !went(t.follows) && s.flags&(ack|syn|rst|fin) == ack && s.len == 0 && s.ack != t.isn+1
	})
}

func challenges(t *listed, s *segment, m []string) string {
	all := t.challenges()
	return wrong(len(all) == 0 || s != all[0] || m[1] != times(len(all)), fmt.Sprintf("there are %d such ACKs", len(all)))
}

func refusesData(t *listed, s *segment, m []string) string {
	switch {
	case s.src != t.attempt.server || s.flags&(ack|syn|rst|fin) != ack || s.len > 0 || s.ack != t.isn+1:
		return "it is no ACK of the SYN alone"
	case !slices.ContainsFunc(t.data, func(o *segment) bool { return o.at <= s.at }):
		return "no data came before it"
	case m[2] != "":
		return wrong(!t.older(s.at), "no timestamp before it is older than one before that")
	}
	return ""
}

// older reports that a client's segment had an older timestamp than one before it.
func (t *listed) older(until time.Duration) bool {
	latest, any := uint32(0), false
	for _, s := range t.follows {
		if !s.stamped || s.at > until {
			continue
		}
		if any && int32(s.tsval-latest) < 0 {
			return true
		}
		latest, any = s.tsval, true
	}
	return false
}

func misacked(t *listed, s *segment, m []string) string {
	number, _ := strconv.ParseUint(m[2], 10, 32)
	acked := slices.ContainsFunc(t.follows, func(o *segment) bool { return o.ack == uint32(number) && o.at <= s.at })
	sent := slices.ContainsFunc(t.answers, func(o *segment) bool {
		return o.at < s.at && int32(o.seq+o.size()-uint32(number)) >= 0 && o.size() > 0
	})
	return wrong(s.src != t.attempt.server || !s.flags.has(rst) || s.seq != uint32(number) || !acked || sent, "the number is not that of the RST, or nobody has acknowledged it, or the server has sent it")
}
