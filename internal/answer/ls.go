package answer

import (
	"time"

	"listenq/internal/queue"
)

// Listing is the answer of `ls`: the listeners of a host, worst first.
type Listing struct {
	Schema     string       `json:"schema"`
	Time       time.Time    `json:"time"`             // when it was looked at last
	Kernel     string       `json:"kernel,omitempty"` // its release, as in uname -r
	Window     Milliseconds `json:"window_ms"`        // from the first look to the last
	Listeners  []Listener   `json:"listeners"`        // the worst first
	Namespaces []Namespace  `json:"namespaces"`
	Missing    []Missing    `json:"missing,omitempty"` // what could not be looked at

	Filter string     `json:"-"` // as it was written
	Others []Listener `json:"-"` // all that there are, where the filter matches none
}

// NewListing lists the listeners that a filter matches.
func NewListing(v *queue.View, f queue.Filter) Listing {
	last, trends := v.Sample, v.Listeners
	list := Listing{
		Schema: ListingSchema, Time: last.Time, Kernel: last.Kernel, Window: MS(v.Window),
		Listeners: make([]Listener, 0, len(trends)), Namespaces: []Namespace{}, Filter: f.String(),
	}
	owners := true
	for i := range trends {
		if f.Match(&trends[i]) {
			list.Listeners = append(list.Listeners, NewListener(&trends[i]))
			owners = owners && trends[i].Listener.Processes != nil
		}
	}
	if len(list.Listeners) == 0 {
		for i := range trends {
			list.Others = append(list.Others, NewListener(&trends[i]))
		}
	}
	list.Missing = NewMissing(last.Missing, owners)
	for i := range last.Namespaces {
		list.Namespaces = append(list.Namespaces, newNamespace(&last.Namespaces[i]))
	}
	return list
}
