package observe

import (
	"fmt"
	"slices"

	"listenq/internal/answer"
	"listenq/internal/handshake"
)

// Result adds what was seen to the result of a run: its connections, which bear the names that
// the script gave them, its listeners, and the counters of TCP and those named.
func (o *Observer) Result(run *answer.Run, names map[Pair][]string, counters []string) {
	unseen, refused := o.net.LostFrames()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost.own = unseen+refused > 0
	run.Incomplete = o.lost.own
	run.Connections, run.Listeners = o.connections(names), []answer.RunListener{}
	for _, f := range o.tracker.Folded() {
		run.Folded = append(run.Folded, answer.Folded{Server: f.Server.String(), Attempts: f.Attempts, Outcomes: f.Outcomes, Causes: f.Causes})
	}
	for _, l := range o.listeners {
		run.Listeners = append(run.Listeners, l.result())
	}
	run.Counters.Server = movements(o.counters[0], counters)
	if !o.net.Loopback() {
		run.Counters.Client = movements(o.counters[1], counters)
	}
}

// connections are the attempts that the model kept, those of the script by
// name, those of commands by number. The caller holds mu.
func (o *Observer) connections(names map[Pair][]string) []answer.RunConnection {
	all := []answer.RunConnection{}
	unnamed := 0
	for a := range o.tracker.Attempts() {
		p := Pair{a.Client(), a.Server()}
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

func (o *Observer) connection(name string, a *handshake.Attempt) answer.RunConnection {
	v, ends := o.lost.judge(a), o.seenAs(name, Pair{a.Client(), a.Server()})
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
	verdict := a.Verdict()
	for _, line := range a.Story(&verdict) {
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
