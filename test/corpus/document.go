package main

import "time"

// document is what `listenq explain --json` prints, as docs/reference/json.md has it.
type document struct {
	Schema  string
	Files   []fileRow
	Lacks   []string
	Packets int
	Start   time.Time
	Span    float64 `json:"duration_ms"`

	Listeners   []listener
	Groups      []group
	Connections []connection
	LeftOut     int `json:"left_out"`
	OtherGroups int `json:"left_out_of_groups"`

	Damage  []struct{ Text string }
	Skipped map[string]int `json:"skipped_packets"`
	Lost    *int64         `json:"lost_packets"`
}

type fileRow struct {
	Name    string
	Packets int
	Place   string `json:"captured_at"`
	How     string `json:"captured_at_how"`
}

type evidence struct {
	Packet int
	Text   string
}

type reading struct {
	Outcome, Cause string
	EndedBy        string `json:"ended_by"`
}

type connection struct {
	Client, Server string
	Place          string  `json:"captured_at"`
	Start          float64 `json:"start_ms"`
	reading                // its fields are those of the connection
	Struck         string
	Handshake      string
	Confidence     string
	Alternatives   []reading

	Delay        *float64 `json:"delay_ms"`
	Then         *sequel
	SYNsAgain    int `json:"syn_retransmits"`
	SYNACKsAgain int `json:"synack_retransmits"`
	DataAgain    int `json:"data_retransmits"`
	Evidence     []evidence
	Hypotheses   []hypothesis
}

type sequel struct {
	What  string
	After float64 `json:"after_ms"`
}

type hypothesis struct {
	Name   string
	Out    string `json:"contradicted_by"`
	Proven string `json:"proven_by"`
}

type group struct {
	Count   int
	First   float64  `json:"first_ms"`
	Last    float64  `json:"last_ms"`
	Longest *float64 `json:"longest_delay_ms"`
	Example connection
}

type listener struct {
	Address    string
	Place      string `json:"captured_at"`
	Attempts   int
	Outcomes   map[string]int
	Causes     map[string]int
	Finding    string
	Verdict    string
	Confidence string
	Evidence   []evidence
	Full       []struct {
		From float64 `json:"from_ms"`
		To   float64 `json:"to_ms"`
	}
}

// name says which connection is meant.
func (c *connection) name() string { return c.Client + " > " + c.Server }

// duration is a number of milliseconds.
func duration(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// equal reports that a number of milliseconds is a duration, as exactly as it is printed.
func equal(ms float64, d time.Duration) bool {
	return (duration(ms) - d).Abs() <= 2*time.Microsecond
}
