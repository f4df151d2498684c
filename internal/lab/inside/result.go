package inside

import (
	"slices"

	"listenq/internal/answer"
	"listenq/internal/lab/observe"
)

// result is what came of the experiment.
func (e *experiment) result() answer.Run {
	filters, err := e.filters.results()
	if err != nil {
		e.missing = append(e.missing, answer.Missing{What: "the counters of the filters", Why: err.Error()})
	}
	missing := slices.Concat(e.missing, e.net.Missing(), missingPeers(e.observations))
	run := answer.Run{
		Scenario:     e.script.Name,
		Title:        e.script.Title,
		Facts:        e.facts,
		Pass:         answer.Hold(e.expectations),
		Prescribed:   answer.MS(e.prescribed),
		Expectations: e.expectations,
		Commands:     e.commands,
		Filters:      filters,
		Observations: e.observations,
		Missing:      missing,
	}
	e.obs.Result(&run, e.names(), e.script.Counters())
	run.Verdict = verdict(run)
	return run
}

// names are the script's names of connections, those of one port in their order.
func (e *experiment) names() map[observe.Pair][]string {
	names := map[observe.Pair][]string{}
	for _, c := range e.clients {
		names[c.Pair] = append(names[c.Pair], c.name)
	}
	return names
}
