package script

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// defaultWithin is how long a command may take until it listens, if its step does not say.
const defaultWithin = 10 * time.Second

// readServer reads both forms; what they have in common are the name and the port.
func readServer(s *statement) Action {
	name := word{text: defaultServer, at: s.words[0].at}
	if s.accept("as") {
		name = s.newName("the server")
	} else if l := s.names.servers[defaultServer]; l != nil {
		s.fail(s.words[0], "write server as NAME", "the server of line %d has no name of its own either", l.line)
	}
	if s.failed() {
		return nil
	}
	if i := slices.IndexFunc(s.words, func(w word) bool { return w.text == "exec" && !w.quoted }); i >= 0 {
		return s.serverExec(name.text)
	}
	return s.ownServer(name.text)
}

func (s *statement) ownServer(name string) Action {
	s.usage = s.forms[0]
	do := Server{Name: name, Port: DefaultPort}
	var backlog, accept bool
	keywords := []string{"port", "dualstack", "mptcp", "defer", "reuseport", "fastopen", "backlog", "accept", "later", "read", "answer", "close", "reset", "exec"}
	s.options(keywords, func(keyword string) bool {
		switch keyword {
		case "port":
			do.Port = s.number("a port", 1, math.MaxUint16)
		case "dualstack":
			do.DualStack = true
		case "mptcp":
			do.MPTCP = true
		case "defer":
			do.Defer = s.seconds()
		case "reuseport":
			do.ReusePort = true
		case "fastopen":
			do.FastOpen = s.number("the length of the Fast Open queue", 1, math.MaxUint16)
		case "backlog":
			do.Backlog, backlog = s.backlog(), true
		case "accept":
			do.Accept, accept = s.policy(), true
		case "later":
			do.Later = true
		case "read", "answer", "close", "reset":
			if do.Does != Holds {
				s.fail(s.words[s.next-1], s.usage, "%q is one too many: it does %s already", keyword, do.Does)
			}
			do.Application = s.application(keyword)
		}
		return !s.failed()
	})
	if !backlog {
		s.fail(s.end(), s.usage, "expected backlog N")
	} else if !accept {
		s.fail(s.end(), s.usage, "expected accept and a policy, such as: accept never")
	}
	s.addServer(name, &listening{port: do.Port, reuseport: do.ReusePort, later: do.Later})
	return do
}

// backlog reads what listen() is given: any int.
func (s *statement) backlog() int {
	return s.number("a backlog", math.MinInt32, math.MaxInt32)
}

// seconds reads a duration that the kernel takes in whole seconds.
func (s *statement) seconds() time.Duration {
	at := s.next
	d := s.period(MaxWait)
	if !s.failed() && d%time.Second != 0 {
		s.fail(s.words[at], "", "the kernel takes TCP_DEFER_ACCEPT in whole seconds, not %s", s.words[at].text)
	}
	return d
}

func (s *statement) serverExec(name string) Action {
	s.usage = s.forms[1]
	do := ServerExec{Name: name, Within: defaultWithin}
	s.options([]string{"port", "within", "exec"}, func(keyword string) bool {
		switch keyword {
		case "port":
			do.Port = s.number("a port", 1, math.MaxUint16)
		case "within":
			do.Within = s.period(MaxWait)
		case "exec":
			do.Command = s.rest("a command")
		}
		return !s.failed()
	})
	if do.Port == 0 {
		s.needPort()
	}
	s.addServer(name, &listening{port: do.Port, exec: true})
	return do
}

// needPort complains about a placeholder for a port that nobody has chosen.
func (s *statement) needPort() {
	for _, w := range s.words {
		if strings.Contains(w.text, "{port}") || strings.Contains(w.text, "{address}") {
			s.fail(w, "write port N before exec", "the port is not known before the command listens")
		}
	}
}

// ours checks that a server is ours and listens, so that it obeys the verb.
func (s *statement) ours(place word, name string, l *listening) {
	switch {
	case s.failed():
	case l.exec:
		s.fail(place, "", "%q is a command: when it listens and accepts is its own", name)
	case l.later:
		s.fail(place, "write listen before it", "%q does not listen yet", name)
	case l.closed != 0:
		s.fail(place, "", "the listening socket of %q is closed: see line %d", name, l.closed)
	case l.stopped:
		s.fail(place, fmt.Sprintf("write continue %s before it", name), "%q is stopped: it can do nothing", name)
	}
}

func readAccept(s *statement) Action {
	policy := s.policy()
	name, l := s.theServer(s.words[0], "on")
	s.ours(s.words[0], name, l)
	return Accept{Policy: policy, On: name}
}

func readListen(s *statement) Action {
	if !s.accept("backlog") {
		s.fail(s.take("backlog N"), s.usage, "expected backlog N")
	}
	n := s.backlog()
	name, l := s.theServer(s.words[0], "on")
	if l != nil {
		l.later = false
	}
	s.ours(s.words[0], name, l)
	return Listen{Backlog: n, On: name}
}

// signalled reads the server of a stop or a continue.
func (s *statement) signalled(stop bool) (string, *listening) {
	var name string
	var l *listening
	if s.done() || s.words[s.next].text == "for" {
		name, l = s.onlyServer(s.words[0], "")
	} else {
		w := s.take("")
		name, l = w.text, s.server(w)
	}
	if s.failed() {
		return "", nil
	}
	if l.stopped == stop {
		what := map[bool]string{true: "is stopped already", false: "is not stopped"}[stop]
		s.fail(s.words[0], "", "%q %s", name, what)
	}
	return name, l
}

func readStop(s *statement) Action {
	name, l := s.signalled(true)
	do := Stop{Server: name}
	switch {
	case s.accept("for"):
		do.For = s.period(MaxWait)
	case l != nil:
		l.stopped = true
	}
	return do
}

func readContinue(s *statement) Action {
	name, l := s.signalled(false)
	if l != nil {
		l.stopped = false
	}
	return Continue{Server: name}
}

// closeServer marks a listening socket as closed.
func (s *statement) closeServer(w word) string {
	l := s.names.servers[w.text]
	s.ours(w, w.text, l)
	l.closed = s.line
	return w.text
}
