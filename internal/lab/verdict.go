package lab

import (
	"fmt"
	"slices"
	"strings"

	"listenq/internal/handshake"
	"listenq/internal/record"
)

// verdict says in one sentence what the experiment showed.
func verdict(run record.Run) string {
	lead := overflow(run)
	tail := fates(run.Connections)
	switch {
	case tail == "":
		return strings.TrimSuffix(lead, ": ")
	case lead == "":
		return strings.ToUpper(tail[:1]) + tail[1:] + "."
	}
	return lead + tail + "."
}

// overflow says which accept queue overflowed, if one did.
func overflow(run record.Run) string {
	for _, l := range run.Listeners {
		struck := slices.ContainsFunc(run.Connections, func(c record.Connection) bool {
			return c.Server == l.Address && c.Cause == handshake.AcceptQueueFull
		})
		switch {
		case l.AcceptMax > l.AcceptLimit && struck:
			return fmt.Sprintf("The accept queue of %s overflowed (it held %d, limit %d): ", l.Address, l.AcceptMax, l.AcceptLimit)
		case struck:
			return fmt.Sprintf("The accept queue of %s overflowed (limit %d): ", l.Address, l.AcceptLimit)
		case l.AcceptMax > l.AcceptLimit:
			return fmt.Sprintf("The accept queue of %s was full (%d, limit %d): ", l.Address, l.AcceptMax, l.AcceptLimit)
		}
	}
	return ""
}

// fates counts the connections by what became of them: "of 5 connections 2 are
// queued and 3 are phantoms, …".
func fates(all []record.Connection) string {
	var order []handshake.Outcome
	counts := map[handshake.Outcome]int{}
	late := map[handshake.Outcome]int{}
	for _, c := range all {
		if c.Delay != nil {
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
var fateWords = map[handshake.Outcome][2]string{
	handshake.Accepted:        {"was accepted", "were accepted"},
	handshake.Queued:          {"waits in the accept queue", "wait in the accept queue"},
	handshake.EstablishedBoth: {"is established", "are established"},
	handshake.Pending:         {"is pending", "are pending"},
	handshake.HalfOpen:        {"is half-open", "are half-open"},
	handshake.Phantom:         {"is connected to nothing (phantom)", "are connected to nothing (phantoms)"},
	handshake.Forgotten:       {"is forgotten by the server", "are forgotten by the server"},
	handshake.Unanswered:      {"is unanswered", "are unanswered"},
	handshake.GaveUp:          {"gave up", "gave up"},
	handshake.TimedOut:        {"timed out", "timed out"},
	handshake.Reset:           {"was reset", "were reset"},
	handshake.Refused:         {"was refused", "were refused"},
	handshake.Unknown:         {"is unknown", "are unknown"},
}

func plural(n int, o handshake.Outcome) string {
	words := fateWords[o]
	if n == 1 {
		return "1 " + words[0]
	}
	return fmt.Sprintf("%d %s", n, words[1])
}
