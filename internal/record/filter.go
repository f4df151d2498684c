package record

// Filter is a packet filter of an experiment.
type Filter struct {
	Name    string `json:"name"`
	Text    string `json:"text"`              // of its step
	Packets *int   `json:"packets,omitempty"` // segments that it took, by its own counter; a filter at a socket has none
}

// FilteredPackets is, among the counters of a Reaction, what packet filters took.
const FilteredPackets = "NftablesPackets"
