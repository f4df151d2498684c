package handshake_test

import (
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/handshake/ladder"
)

const bothSides = evidence.ClientSide | evidence.ServerSide

// parse reads a ladder that is written in a test.
func parse(t testing.TB, text string) []ladder.Event {
	t.Helper()
	events, err := ladder.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
