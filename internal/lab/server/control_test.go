package server

import (
	"errors"
	"io"
	"strings"
	"testing"

	"listenq/test/memory"
)

// answering is a Control whose process says what the test has, whatever it is asked.
func answering(said string, accepted func(Accepted)) *Control {
	return New(io.Discard, strings.NewReader(said), nil, accepted)
}

func TestForgedAnswers(t *testing.T) {
	for _, test := range []struct {
		name, said string
		want       error
	}{
		{"nothing", "", ErrEnded},
		{"no JSON", "hello\n", ErrEnded},
		{"an answer to another order", `{"Done":true}` + "\n", ErrEnded},
		{"a line that is too long", `{"Error":"` + strings.Repeat("x", maxAnswer) + `","Done":true}` + "\n", ErrEnded},
		{"an answer", `{"Done":true,"Listening":{"Port":80,"Inode":1}}` + "\n", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := answering(test.said, func(Accepted) {}).Listen(Config{}); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// FuzzAnswers looks for answers that take much memory or end the program.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"Done":true,"Listening":{"Port":80,"Inode":1}}` + "\n" + `{"Accepted":{"At":1,"Peer":"192.0.2.1:20001"}}` + "\n" + `{"Done":true,"Error":"listen: no"}` + "\n")
	f.Fuzz(func(t *testing.T, said string) {
		defer memory.Bound(t)()
		c := answering(said, func(Accepted) {})
		_, _ = c.Listen(Config{}) // what the answers mean is another test
		_ = c.Accept(Policy{})
		_ = c.Close()
	})
}
