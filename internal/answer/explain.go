package answer

import (
	"slices"
	"time"

	"listenq/internal/judge"
)

// Place is where a file was captured.
type Place string

// Places. Mixed is on a host that is server to some and client to others.
const (
	PlaceUnknown Place = ""
	PlaceServer  Place = "server"
	PlaceClient  Place = "client"
	PlaceBoth    Place = "both"
	PlaceBetween Place = "between" // on the way, or it is not known
	PlaceMixed   Place = "mixed"
)

// Explanation is what capture files show (schema listenq/explain/v1). Fields are added, never
// changed; what is unknown is left out.
type Explanation struct {
	Schema      string            `json:"schema"`
	Files       []CaptureFile     `json:"files"`
	Lacks       []string          `json:"lacks,omitempty"` // what the capture lacks, and what to capture instead
	Packets     int               `json:"packets"`
	Start       time.Time         `json:"start"` // of the first packet; all else counts from there
	Span        Milliseconds      `json:"duration_ms"`
	Listeners   []CaptureListener `json:"listeners"`             // the worst first
	Groups      []Group           `json:"groups"`                // connections that went alike, the worst first
	Connections []Connection      `json:"connections"`           // by their start
	LeftOut     int               `json:"left_out"`              // connections that are counted in groups alone
	OtherGroups int               `json:"left_out_of_groups"`    // connections that are counted with their listener alone
	Damage      []Damage          `json:"damage,omitempty"`      // where files are cut or damaged
	Skipped     map[string]int    `json:"skipped_packets"`       // by reason
	Lost        *int64            `json:"lost_packets,omitzero"` // that the captures say they lack; absent if they do not say
}

// CaptureFile is a capture file that was read.
type CaptureFile struct {
	Name    string        `json:"name"`
	Packets int           `json:"packets"`
	Place   Place         `json:"captured_at,omitempty"`
	How     string        `json:"captured_at_how,omitempty"` // how that is known
	Clock   *Milliseconds `json:"clock_ms,omitempty"`        // that its clock is ahead of the first file's
	SameAs  string        `json:"same_as,omitempty"`         // another file, which holds the same packets: this one was not read
	Matched int           `json:"matched,omitempty"`         // packets of handshakes that are in the first file, too
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
	Client            string        `json:"client"`
	Server            string        `json:"server"`
	CapturedAt        Place         `json:"captured_at"`
	Start             Milliseconds  `json:"start_ms"`
	Reading                         // its fields are those of the connection
	Delay             *Milliseconds `json:"delay_ms,omitempty"` // how late the server had it; absent if it was not late
	Then              *Sequel       `json:"then,omitempty"`     // how it went on after the handshake; absent if nothing was asked for
	SynRetransmits    int           `json:"syn_retransmits"`
	SynAckRetransmits int           `json:"synack_retransmits"`
	DataRetransmits   int           `json:"data_retransmits"`
	Evidence          []Evidence    `json:"evidence"`
	Hypotheses        []Hypothesis  `json:"hypotheses,omitempty"` // what was considered; absent if nothing was the matter
}

// Hypothesis is an explanation that was considered.
type Hypothesis struct {
	Name   string `json:"name"`
	Out    string `json:"contradicted_by,omitempty"` // what was seen that contradicts it; absent if nothing was
	Proven string `json:"proven_by,omitempty"`       // what was seen that it alone explains; absent if nothing was
}

// Sequel is what the server did first after the handshake.
type Sequel struct {
	What  judge.What   `json:"what"`
	After Milliseconds `json:"after_ms"` // since the client asked, or connected if the server acts first
}

// Group is attempts on one address that went alike.
type Group struct {
	Count   int           `json:"count"`
	First   Milliseconds  `json:"first_ms"`
	Last    Milliseconds  `json:"last_ms"`
	Longest *Milliseconds `json:"longest_delay_ms,omitempty"`
	Example Connection    `json:"example"` // the first of them
}

// CaptureListener is an address that somebody tried to reach.
type CaptureListener struct {
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
	From Milliseconds `json:"from_ms"`
	To   Milliseconds `json:"to_ms"`
}

// Bad reports that a queue overflowed, likely or for certain.
func (r *Explanation) Bad() bool {
	return slices.ContainsFunc(r.Listeners, func(l CaptureListener) bool {
		return (l.Finding == judge.Overflow || l.Finding == judge.SynOverflow) && l.Confidence != judge.Possible
	})
}
