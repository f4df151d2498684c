package handshake

import (
	"cmp"
	"slices"
)

// Evidence is a packet that a statement rests on, and what is seen there.
type Evidence struct {
	Packet int    `json:"packet"` // its number in the capture
	Text   string `json:"text"`
}

// firsts are the numbers of the packets of a handshake, each the first of its kind; 0 for
// none.
type firsts struct{ syn, synack, ack, data int }

// number keeps the number of the first packet of a kind.
func number(first *int, p *Packet) {
	if *first == 0 {
		*first = p.Number
	}
}

// Evidence returns the packets that the verdict rests on, by their numbers: those of
// the handshake, and what is told of in the story.
func (a *Attempt) Evidence() []Evidence {
	var all []Evidence
	cite := func(packet int, text string) {
		if packet > 0 && text != "" {
			all = append(all, Evidence{packet, text})
		}
	}
	cite(a.firsts.syn, "SYN")
	cite(a.firsts.synack, "SYN-ACK")
	if a.firsts.ack > 0 {
		cite(a.firsts.ack, a.ackSeen())
	}
	if a.odd.shut {
		cite(a.firsts.data, "the client's FIN")
	} else {
		cite(a.firsts.data, "the client's first data")
	}
	o := a.ends()
	for i := range a.notes {
		cite(a.notes[i].at.number, a.sentence(&a.notes[i], o))
	}
	slices.SortStableFunc(all, func(a, b Evidence) int { return cmp.Compare(a.Packet, b.Packet) })
	return all
}

// ackSeen says what the final ACK has met, where that is known.
func (a *Attempt) ackSeen() string {
	text := "final ACK"
	if a.is(dataFirst) {
		text = "data or FIN in place of the final ACK"
	}
	switch {
	case !a.sees(ServerSide):
	case a.is(ignored):
		return text + ": it came, and the server asks for it again"
	case a.is(untaken):
		return text + ": it came, and the data after it is not acknowledged"
	}
	return text
}
