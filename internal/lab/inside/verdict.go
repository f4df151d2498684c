package inside

import (
	"fmt"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/judge"
)

// verdict says in one sentence what the experiment showed.
func verdict(run answer.Run) string {
	lead := headline(run)
	tail := fates(run.Connections)
	if run.Incomplete && lead == "" {
		lead = "Incomplete, as the lab's own wire lost frames: "
	}
	switch {
	case tail == "":
		return strings.TrimSuffix(lead, ": ")
	case lead == "":
		return strings.ToUpper(tail[:1]) + tail[1:] + "."
	}
	return lead + tail + "."
}

// headline says what struck the connections most often, and where.
func headline(run answer.Run) string {
	struck := map[judge.Cause]int{}
	for _, c := range run.Connections {
		struck[c.Cause]++
	}
	for _, l := range run.Listeners {
		name := l.Address
		if l.Name != "server" {
			name = l.Name + " (" + l.Address + ")"
		}
		switch {
		case struck[judge.AcceptQueueFull] > 0 && l.Fullest.AcceptLen > l.Fullest.AcceptLimit:
			return fmt.Sprintf("The accept queue of %s overflowed (it held %d, limit %d): ", name, l.Fullest.AcceptLen, l.Fullest.AcceptLimit)
		case struck[judge.AcceptQueueFull] > 0 && len(run.Listeners) == 1:
			return fmt.Sprintf("The accept queue of %s overflowed between two looks (limit %d): ", name, l.AcceptLimit)
		case struck[judge.SynQueueFull]+struck[judge.SynQueueReserve] > 0 && len(run.Listeners) == 1:
			return fmt.Sprintf("The SYN queue of %s was full: ", name)
		}
	}
	switch {
	case struck[judge.AcceptQueueFull] > 0:
		return "An accept queue overflowed: "
	case struck[judge.NetworkLoss] > 0:
		return "The network lost packets: "
	}
	return ""
}

// fates counts the connections by what became of them: "of 5 connections 2 are
// queued and 3 are phantoms, …".
func fates(all []answer.RunConnection) string {
	var order []judge.Outcome
	counts := map[judge.Outcome]int{}
	late := map[judge.Outcome]int{}
	for _, c := range all {
		if c.Delay != nil && c.Cause != judge.DeferAccept { // which is no accident
			late[c.Outcome]++
		}
		if counts[c.Outcome] == 0 {
			order = append(order, c.Outcome)
		}
		counts[c.Outcome]++
	}
	var parts []string
	for _, o := range order {
		part := plural(counts[o], o)
		if late[o] > 0 {
			part += fmt.Sprintf(" (%d late)", late[o])
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	text := parts[len(parts)-1]
	if len(parts) > 1 {
		text = strings.Join(parts[:len(parts)-1], ", ") + " and " + text
	}
	noun := "connections"
	if len(all) == 1 {
		noun = "connection"
	}
	return fmt.Sprintf("of %d %s %s", len(all), noun, text)
}

// fateWords say what an outcome is, for one connection and for several.
var fateWords = map[judge.Outcome][2]string{
	judge.Accepted:        {"was accepted", "were accepted"},
	judge.Queued:          {"waits in the accept queue", "wait in the accept queue"},
	judge.EstablishedBoth: {"is established", "are established"},
	judge.Pending:         {"is pending", "are pending"},
	judge.HalfOpen:        {"is half-open", "are half-open"},
	judge.Phantom:         {"is connected to nothing (phantom)", "are connected to nothing (phantoms)"},
	judge.Forgotten:       {"is forgotten by the server", "are forgotten by the server"},
	judge.Unanswered:      {"is unanswered", "are unanswered"},
	judge.GaveUp:          {"gave up", "gave up"},
	judge.TimedOut:        {"timed out", "timed out"},
	judge.Reset:           {"was reset", "were reset"},
	judge.Refused:         {"was refused", "were refused"},
	judge.Unknown:         {"is unknown", "are unknown"},
}

func plural(n int, o judge.Outcome) string {
	words := fateWords[o]
	if n == 1 {
		return "1 " + words[0]
	}
	return fmt.Sprintf("%d %s", n, words[1])
}
