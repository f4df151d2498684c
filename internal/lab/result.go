package lab

import (
	"fmt"
	"slices"

	"listenq/internal/answer"
	"listenq/internal/handshake"
)

// result is what came of the experiment.
func (e *experiment) result() answer.Run {
	o := e.obs
	filters, err := e.filters.results()
	if err != nil {
		e.missing = append(e.missing, answer.Missing{What: "the counters of the filters", Why: err.Error()})
	}
	missing := slices.Concat(e.missing, e.net.missing(), missingPeers(e.observations))
	unseen, refused := e.net.losses()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost.own = unseen+refused > 0
	run := answer.Run{
		Incomplete:   o.lost.own,
		Scenario:     e.script.Name,
		Title:        e.script.Title,
		Facts:        e.facts,
		Pass:         passed(e.expectations),
		Prescribed:   answer.MS(e.prescribed),
		Expectations: e.expectations,
		Connections:  o.connections(e.names()),
		Commands:     e.commands,
		Filters:      filters,
		Listeners:    []answer.RunListener{},
		Observations: e.observations,
		Missing:      missing,
	}
	for _, f := range o.tracker.Folded() {
		run.Folded = append(run.Folded, answer.Folded{Server: f.Server.String(), Attempts: f.Attempts, Outcomes: f.Outcomes, Causes: f.Causes})
	}
	for _, l := range o.listeners {
		run.Listeners = append(run.Listeners, l.result())
	}
	named := e.script.Counters()
	run.Counters.Server = movements(o.counters[0], named)
	if !e.net.loopback() {
		run.Counters.Client = movements(o.counters[1], named)
	}
	run.Verdict = verdict(run)
	return run
}

func passed(all []answer.Expectation) bool {
	return !slices.ContainsFunc(all, func(x answer.Expectation) bool { return !x.Pass && x.NotTaken == "" })
}

// names are the script's names of connections, those of one port in their order.
func (e *experiment) names() map[pair][]string {
	names := map[pair][]string{}
	for _, c := range e.clients {
		names[c.pair] = append(names[c.pair], c.name)
	}
	return names
}

// connections are the attempts that the model kept, those of the script by
// name, those of commands by number. The caller holds mu.
func (o *observer) connections(names map[pair][]string) []answer.RunConnection {
	all := []answer.RunConnection{}
	unnamed := 0
	for a := range o.tracker.Attempts() {
		p := pair{a.Client(), a.Server()}
		var name string
		if these := names[p]; len(these) > 0 {
			name, names[p] = these[0], these[1:]
		} else {
			unnamed++
			name = fmt.Sprintf("#%d", unnamed)
		}
		all = append(all, o.connection(name, a))
	}
	return all
}

func (o *observer) connection(name string, a *handshake.Attempt) answer.RunConnection {
	v, ends := o.lost.judge(a), o.seenAs(name, pair{a.Client(), a.Server()})
	c := answer.RunConnection{
		Name: name, Client: a.Client().String(), Server: a.Server().String(),
		Outcome: v.Outcome, Cause: v.Cause, EndedBy: v.EndedBy, Struck: v.Struck, Handshake: v.Handshake,
		Confidence: v.Confidence, Alternatives: v.Alternatives,
		ClientState: ends.client.State, ServerState: ends.server.State,
		SynRetransmits: v.SynRetransmits, SynAckRetransmits: v.SynAckRetransmits, DataRetransmits: v.DataRetransmits,
		History: []answer.Change{}, Calls: []answer.Call{}, Story: []answer.Line{},
	}
	if v.Late && v.Delay > 0 {
		c.Delay = new(answer.MS(v.Delay))
	}
	for _, h := range a.History() {
		c.History = append(c.History, answer.Change{T: answer.MS(h.T), Outcome: h.Outcome})
	}
	for _, call := range ends.calls {
		if call.Name == "connect" {
			c.Connect = new(answer.MS(call.Duration))
		}
		c.Calls = append(c.Calls, recordCall(call))
	}
	told := a.Verdict()
	for _, line := range a.Story(&told) {
		c.Story = append(c.Story, answer.Line{T: answer.MS(line.T), Text: line.Text, Packet: line.Packet})
	}
	return c
}

// movements are the counters of TCP that moved, and the others that the script names.
func movements(m movement, named []string) map[string]answer.Movement {
	kept := func(name string) bool { return isTCP(name) || slices.Contains(named, name) }
	moved := map[string]answer.Movement{}
	for name, delta := range difference(m.first, m.last, kept) {
		before, _ := m.first.Get(name)
		moved[name] = answer.Movement{Before: before, After: before + delta}
	}
	return moved
}
