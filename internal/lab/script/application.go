package script

import "time"

// Doing is what a server of ours does with a connection that it accepted.
type Doing string

// The kinds of applications.
const (
	Holds   Doing = ""       // nothing: data stays in its Recv-Q
	Reads   Doing = "read"   // until the client is done
	Answers Doing = "answer" // reads, and sends a text for whatever it reads at once
	Closes  Doing = "close"  // close(), which resets if data is unread
	Resets  Doing = "reset"  // close() with SO_LINGER 0
)

// Application is what a server does with what it accepted.
type Application struct {
	Does  Doing
	Text  string        // of Answers
	After time.Duration // Closes and Resets wait for so long
}

// application reads what is behind the keyword of an application.
func (s *statement) application(keyword string) Application {
	do := Application{Does: Doing(keyword)}
	switch do.Does {
	case Answers:
		w := s.take("what to answer")
		s.checkText(w)
		do.Text = w.text
	case Closes, Resets:
		if s.accept("after") {
			do.After = s.period(MaxWait)
		}
	}
	return do
}
