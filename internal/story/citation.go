package story

import (
	"cmp"
	"slices"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Citation is a packet that a statement rests on, and what is seen there.
type Citation struct {
	Packet int    `json:"packet"` // its number in the capture
	Text   string `json:"text"`
}

// Cite returns the packets that the verdict rests on, by their numbers: those of
// the handshake, and what the story mentions.
func Cite(seen *evidence.Attempt, v *judge.Verdict) []Citation {
	a := narrator{seen, v}
	var all []Citation
	cite := func(packet int, text string) {
		if packet > 0 && text != "" {
			all = append(all, Citation{packet, text})
		}
	}
	cite(int(a.Firsts.SYN), "SYN")
	cite(int(a.Firsts.SYNACK), "SYN-ACK")
	if a.Firsts.ACK > 0 {
		cite(int(a.Firsts.ACK), a.ackSeen())
	}
	first := "the client's first data"
	if a.Client.Shut {
		first = "the client's FIN"
	}
	cite(int(a.Firsts.Data), first)
	for i := range a.Notes {
		cite(a.Notes[i].At.Number, a.sentence(&a.Notes[i]))
	}
	slices.SortStableFunc(all, func(a, b Citation) int { return cmp.Compare(a.Packet, b.Packet) })
	return all
}

// ackSeen says what the final ACK has met, where that is known.
func (a *narrator) ackSeen() string {
	text := "final ACK"
	if a.Client.DataFirst {
		text = "data or FIN in place of the final ACK"
	}
	switch {
	case !a.Sees(evidence.ServerSide):
	case a.Held.Ignored:
		return text + ": it came, and the server asks for it again"
	case a.Client.Untaken:
		return text + ": it came, and the data after it is not acknowledged"
	}
	return text
}
