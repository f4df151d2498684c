package judge_test

import (
	"testing"

	"listenq/internal/handshake/ladder"
)

// parse reads a ladder that is written in a test.
func parse(t testing.TB, text string) []ladder.Event {
	t.Helper()
	events, err := ladder.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
