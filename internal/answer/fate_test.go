package answer

import (
	"testing"

	"listenq/internal/judge"
)

// TestSequel: what took no time that is worth a number was done at once.
func TestSequel(t *testing.T) {
	for _, c := range []struct {
		then *Sequel
		want string
	}{
		{nil, ""},
		{&Sequel{What: judge.Served, After: 0.4}, "; served at once"},
		{&Sequel{What: judge.Served, After: 5}, "; served after 0.01 s"},
		{&Sequel{What: judge.ResetFirst, After: 4.9}, "; reset at once"},
		{&Sequel{What: judge.ShutFirst, After: 1500}, "; closed by the server after 1.50 s"},
		{&Sequel{What: judge.Unserved, After: 2000}, "; its data was taken, and no answer came for 2.00 s"},
		{&Sequel{What: judge.Untaken, After: 2000}, "; its data was not taken for 2.00 s"},
	} {
		if got := sequel(c.then); got != c.want {
			t.Errorf("%+v: %q, want %q", c.then, got, c.want)
		}
	}
}
