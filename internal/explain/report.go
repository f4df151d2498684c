package explain

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/record"
	"listenq/internal/story"
)

// Report is what files tell (schema listenq/explain/v1). Fields are added, never
// changed; what is unknown is left out.
type Report struct {
	Schema      string              `json:"schema"`
	Files       []File              `json:"files"`
	Lacks       []string            `json:"lacks,omitempty"` // what the capture lacks, and what to capture instead
	Packets     int                 `json:"packets"`
	Start       time.Time           `json:"start"` // of the first packet; all else counts from there
	Span        record.Milliseconds `json:"duration_ms"`
	Listeners   []Listener          `json:"listeners"`             // the worst first
	Groups      []Group             `json:"groups"`                // connections that went alike, the worst first
	Connections []Connection        `json:"connections"`           // by their start
	LeftOut     int                 `json:"left_out"`              // connections that are counted in groups alone
	OtherGroups int                 `json:"left_out_of_groups"`    // connections that are counted with their listener alone
	Damage      []Damage            `json:"damage,omitempty"`      // where files are cut or damaged
	Skipped     map[string]int      `json:"skipped_packets"`       // by reason
	Lost        *int64              `json:"lost_packets,omitzero"` // that the captures tell not to hold; absent if they do not tell
}

// File is a capture file that was read.
type File struct {
	Name    string               `json:"name"`
	Packets int                  `json:"packets"`
	Place   Place                `json:"captured_at,omitempty"`
	How     string               `json:"captured_at_how,omitempty"` // how that is known
	Clock   *record.Milliseconds `json:"clock_ms,omitempty"`        // that its clock is ahead of the first file's
	SameAs  string               `json:"same_as,omitempty"`         // another file, which holds the same packets: this one was not read
	Matched int                  `json:"matched,omitempty"`         // packets of handshakes that are in the first file, too
}

// Damage is where a file is cut or damaged. What is before was read.
type Damage struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Text   string `json:"text"`
}

// Evidence is a packet that a statement rests on.
type Evidence struct {
	File   string `json:"file,omitempty"` // if there are several
	Packet int    `json:"packet"`         // its number there, as Wireshark counts
	Text   string `json:"text"`

	Of int `json:"-"` // the place of the file in Report.Files, from 1; 0 if there is one only
}

// Reading is what became of an attempt, and how sure that is.
type Reading struct {
	judge.Reading
	Struck       judge.Struck     `json:"struck,omitempty"`
	Handshake    judge.Kind       `json:"handshake,omitempty"`
	Confidence   judge.Confidence `json:"confidence"`
	Alternatives []judge.Reading  `json:"alternatives,omitempty"`
}

// Connection is one attempt.
type Connection struct {
	Client            string               `json:"client"`
	Server            string               `json:"server"`
	CapturedAt        Place                `json:"captured_at"`
	Start             record.Milliseconds  `json:"start_ms"`
	Reading                                // its fields are those of the connection
	Delay             *record.Milliseconds `json:"delay_ms,omitempty"` // how late the server had it; absent if it was not late
	Then              *Sequel              `json:"then,omitempty"`     // how it went on after the handshake; absent if nothing was asked for
	SynRetransmits    int                  `json:"syn_retransmits"`
	SynAckRetransmits int                  `json:"synack_retransmits"`
	DataRetransmits   int                  `json:"data_retransmits"`
	Evidence          []Evidence           `json:"evidence"`
	Hypotheses        []Hypothesis         `json:"hypotheses,omitempty"` // what was considered; absent if nothing was the matter
}

// Hypothesis is an explanation that was considered.
type Hypothesis struct {
	Name   string `json:"name"`
	Out    string `json:"contradicted_by,omitempty"` // what was seen that contradicts it; absent if nothing was
	Proven string `json:"proven_by,omitempty"`       // what was seen that it alone explains; absent if nothing was
}

// Sequel is what the server did first after the handshake.
type Sequel struct {
	What  judge.What          `json:"what"`
	After record.Milliseconds `json:"after_ms"` // since the client asked, or connected if the server acts first
}

// Group is attempts on one address that went alike.
type Group struct {
	Count   int                  `json:"count"`
	First   record.Milliseconds  `json:"first_ms"`
	Last    record.Milliseconds  `json:"last_ms"`
	Longest *record.Milliseconds `json:"longest_delay_ms,omitempty"`
	Example Connection           `json:"example"` // the first of them
}

// Listener is an address that somebody tried to reach.
type Listener struct {
	Address    string                `json:"address"`
	CapturedAt Place                 `json:"captured_at"`
	Attempts   int                   `json:"attempts"`
	Outcomes   map[judge.Outcome]int `json:"outcomes"`
	Causes     map[judge.Cause]int   `json:"causes"`
	Finding    judge.Finding         `json:"finding"`
	Verdict    string                `json:"verdict"`
	Confidence judge.Confidence      `json:"confidence"`
	Evidence   []Evidence            `json:"evidence,omitempty"`
	Full       []Interval            `json:"full,omitempty"` // when its accept queue was full, as far as clients felt it
}

// Interval is from the first to the last sign of something.
type Interval struct {
	From record.Milliseconds `json:"from_ms"`
	To   record.Milliseconds `json:"to_ms"`
}

// Bad reports that a queue overflowed, likely or for certain.
func (r *Report) Bad() bool {
	return slices.ContainsFunc(r.Listeners, func(l Listener) bool {
		return (l.Finding == judge.Overflow || l.Finding == judge.SynOverflow) && l.Confidence != judge.Possible
	})
}

func milliseconds(d time.Duration) record.Milliseconds { return record.MS(d) }

func count(all map[string]int, what string, n int) {
	if n > 0 {
		all[what] += n
	}
}

// addFile adds what was read of a file.
func (r *Report) addFile(s *source) {
	if s.same != "" {
		r.Files = append(r.Files, File{Name: s.name, SameAs: s.same})
		return
	}
	f := File{Name: s.name, Packets: s.packets, Place: s.place.place, How: s.place.how, Matched: s.matched}
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
		r.Damage = append(r.Damage, Damage{s.damage.File, s.damage.Offset, s.damage.Text})
	}
	if s.losing {
		if r.Lost == nil {
			r.Lost = new(int64)
		}
		*r.Lost += s.lost
	}
}

// listener is a verdict as it is told.
func (e *explainer) listener(v handshake.ListenerVerdict, sides evidence.Side) Listener {
	l := Listener{
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
		l.Full = append(l.Full, Interval{milliseconds(x.From), milliseconds(x.To)})
	}
	return l
}

// lack adds what the capture lacks for a verdict on a listener, each once.
func (r *Report) lack(l *Listener) {
	if l.Finding == judge.Unseen && !slices.Contains(r.Lacks, l.Verdict) {
		r.Lacks = append(r.Lacks, l.Verdict)
	}
}

// evidence names the packets by their files.
func (e *explainer) evidence(all []story.Citation) []Evidence {
	told := make([]Evidence, 0, len(all))
	for _, x := range all {
		file, packet := e.locate(x.Packet)
		row := Evidence{Packet: packet, Text: x.Text}
		if e.files > 1 {
			row.File, row.Of = e.sources[file].name, file+1
		}
		told = append(told, row)
	}
	return told
}

// findings are the findings from the worst to the best.
var findings = []judge.Finding{
	judge.Overflow, judge.SynOverflow, judge.Filtered, judge.Undecided, judge.Gone,
	judge.Flooded, judge.Lossy, judge.Nothing, judge.Reflecting, judge.Scanned,
	judge.Halved, judge.Unseen, judge.Fine,
}

func worseListener(a, b Listener) int {
	return cmp.Or(
		cmp.Compare(slices.Index(findings, a.Finding), slices.Index(findings, b.Finding)),
		cmp.Compare(b.Attempts, a.Attempts),
	)
}
