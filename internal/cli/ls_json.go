package cli

import (
	"time"

	"listenq/internal/queue"
	"listenq/internal/record"
)

// listing is the answer of `ls`: the listeners of a host, worst first.
type listing struct {
	Schema     string              `json:"schema"`
	Time       time.Time           `json:"time"`
	Kernel     string              `json:"kernel,omitempty"`
	Window     record.Milliseconds `json:"window_ms"`
	Listeners  []listener          `json:"listeners"`
	Namespaces []namespace         `json:"namespaces"`
	Missing    []record.Missing    `json:"missing,omitempty"`

	filter string // as it was written
	others int    // listeners that it does not match
}

func newListing(h *queue.History, f queue.Filter) listing {
	last, trends := h.Last(), h.Trends()
	answer := listing{
		Schema: "listenq/ls/v1", Time: last.Time, Kernel: last.Kernel, Window: record.MS(window(h, trends)),
		Listeners: make([]listener, 0, len(trends)), Namespaces: []namespace{}, Missing: newMissing(last.Missing), filter: f.String(),
	}
	for i := range trends {
		if f.Match(&trends[i]) {
			answer.Listeners = append(answer.Listeners, newListener(&trends[i]))
		} else {
			answer.others++
		}
	}
	for i := range last.Namespaces {
		answer.Namespaces = append(answer.Namespaces, newNamespace(&last.Namespaces[i]))
	}
	return answer
}
