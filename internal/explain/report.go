package explain

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/story"
)

func milliseconds(d time.Duration) answer.Milliseconds { return answer.MS(d) }

func count(all map[string]int, what string, n int) {
	if n > 0 {
		all[what] += n
	}
}

// addFile adds what was read of a file.
func addFile(r *answer.Explanation, s *source) {
	if s.same != "" {
		r.Files = append(r.Files, answer.CaptureFile{Name: s.name, SameAs: s.same})
		return
	}
	f := answer.CaptureFile{Name: s.name, Packets: s.packets, Place: s.place.place, How: s.place.how, Matched: s.matched}
	if s.matched > 0 {
		f.Clock = new(milliseconds(time.Duration(-s.shift)))
	}
	r.Files = append(r.Files, f)
	r.Packets += s.packets
	for skip := range capture.Skips() {
		count(r.Skipped, skip.String(), s.skipped[skip])
	}
	count(r.Skipped, "duplicate", s.again)
	if s.damage != nil {
		r.Damage = append(r.Damage, answer.Damage{File: s.damage.File, Offset: s.damage.Offset, Text: s.damage.Text})
	}
	if s.losing {
		if r.Lost == nil {
			r.Lost = new(int64)
		}
		*r.Lost += s.lost
	}
}

// listener is a verdict as the answer lists it.
func (e *explainer) listener(v handshake.ListenerVerdict, sides evidence.Side) answer.CaptureListener {
	l := answer.CaptureListener{
		Address: v.Address.String(), CapturedAt: placeOf(sides), Attempts: v.Attempts, Outcomes: v.Outcomes, Causes: v.Causes,
		Finding: v.Finding, Verdict: v.Text, Confidence: v.Confidence, Evidence: e.evidence(v.Evidence),
	}
	switch {
	case v.Address == (netip.AddrPort{}):
		l.Address = "others"
	case v.Finding == judge.Reflecting && v.Address.Port() == 0:
		l.Address = v.Address.Addr().String()
	}
	for _, x := range v.Full {
		l.Full = append(l.Full, answer.Interval{From: milliseconds(x.From), To: milliseconds(x.To)})
	}
	return l
}

// lack adds what the capture lacks for a verdict on a listener, each once.
func lack(r *answer.Explanation, l *answer.CaptureListener) {
	if l.Finding == judge.Unseen && !slices.Contains(r.Lacks, l.Verdict) {
		r.Lacks = append(r.Lacks, l.Verdict)
	}
}

// evidence names the packets by their files.
func (e *explainer) evidence(all []story.Citation) []answer.Evidence {
	rows := make([]answer.Evidence, 0, len(all))
	for _, x := range all {
		file, packet := e.locate(x.Packet)
		row := answer.Evidence{Packet: packet, Text: x.Text}
		if e.files > 1 {
			row.File, row.Of = e.sources[file].name, file+1
		}
		rows = append(rows, row)
	}
	return rows
}

// findings are the findings from the worst to the best.
var findings = []judge.Finding{
	judge.Overflow, judge.SynOverflow, judge.Filtered, judge.Undecided, judge.Gone,
	judge.Flooded, judge.Lossy, judge.Nothing, judge.Reflecting, judge.Scanned,
	judge.Halved, judge.Unseen, judge.Fine,
}

func worseListener(a, b answer.CaptureListener) int {
	return cmp.Or(
		cmp.Compare(slices.Index(findings, a.Finding), slices.Index(findings, b.Finding)),
		cmp.Compare(b.Attempts, a.Attempts),
	)
}
