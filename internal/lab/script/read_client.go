package script

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

func readConnect(s *statement) Action {
	do := Connect{Order: OneByOne}
	if first := s.take("the name of a connection, or how many"); isDigits(first.text) && !first.quoted {
		s.usage = s.forms[1]
		do.Names, do.Group = s.connectMany(first)
	} else if !s.failed() {
		s.usage = s.forms[0]
		s.next--
		do.Names = s.connectNamed()
	}
	s.connectOptions(&do)
	if do.To == "" {
		do.To, _ = s.onlyServer(s.words[0], "to")
	}
	if len(do.Names) == 1 && do.Order != OneByOne {
		s.fail(s.words[0], "", "one connection alone cannot be made %s", do.Order)
	}
	return do
}

// connectMany reads the rest of `N as NAME`.
func (s *statement) connectMany(count word) (members []string, group string) {
	n, err := strconv.Atoi(count.text)
	if err != nil || n < 1 || n > MaxConnections {
		s.fail(count, "", "expected a number of connections from 1 to %d, not %q", MaxConnections, count.text)
		return nil, ""
	}
	if !s.accept("as") {
		s.fail(s.end(), "write: connect "+count.text+" as a", "expected as NAME, the name that the connections have in common")
		return nil, ""
	}
	w := s.newName("the connections")
	if s.failed() {
		return nil, ""
	}
	return s.declareGroup(w, n), w.text
}

// connectNamed reads names up to the first option.
func (s *statement) connectNamed() []string {
	var all []string
	for !s.done() && !slices.Contains(connectOptions, s.words[s.next].text) {
		w := s.newName("a connection")
		if s.failed() {
			return nil
		}
		s.declare(w, w.text)
		all = append(all, w.text)
	}
	if len(all) == 0 {
		s.fail(s.words[1], s.usage, "expected the name of a connection, not %q", s.words[1].text)
	}
	return all
}

// connectOptions are the words with which the options of connect begin.
var connectOptions = []string{"overlapping", "at", "every", "giving", "mptcp", "fastopen", "asking", "reusing", "to"}

func (s *statement) connectOptions(do *Connect) {
	orders := 0
	s.options(connectOptions, func(keyword string) bool {
		w := s.words[s.next-1]
		switch keyword {
		case "overlapping":
			s.needsWire(w)
			do.Order = Overlapping
			orders++
		case "at":
			s.expectWord("once")
			do.Order = AtOnce
			orders++
		case "every":
			do.Order, do.Gap = Spaced, s.period(MaxWait)
			orders++
		case "giving":
			s.expectWord("up")
			s.expectWord("after")
			do.GiveUp = s.period(MaxWait)
		case "mptcp":
			do.MPTCP = true
		case "fastopen":
			text := s.take("what to send with the SYN")
			s.checkText(text)
			do.Text = text.text
		case "asking":
			text := s.take("what to send once connected")
			s.checkText(text)
			do.Ask = text.text
		case "reusing":
			do.Reuse = s.reuse(do)
		case "to":
			to := s.take("the name of a server")
			s.server(to)
			do.To = to.text
		}
		if orders > 1 {
			s.fail(w, s.usage, "%q is one order too many", keyword)
		}
		return !s.failed()
	})
}

// reuse reads the connection whose port is used again.
func (s *statement) reuse(do *Connect) string {
	w := s.take("the name of a connection that is closed")
	c := s.names.conns[w.text]
	switch {
	case s.failed():
		return ""
	case c == nil:
		s.fail(w, s.unknownHint(w.text), "unknown connection %q", w.text)
		return ""
	case len(do.Names) != 1:
		s.fail(w, "", "one port is for one connection, not for %d", len(do.Names))
	case c.ended == "":
		s.fail(w, "write close or reset before it", "%q has its port still", w.text)
	case c.taken != 0:
		s.fail(w, "", "its port is that of line %d now", c.taken)
	}
	c.taken = s.line
	return w.text
}

// expectWord reads the second word of an option.
func (s *statement) expectWord(keyword string) {
	if !s.accept(keyword) {
		w := s.take(strconv.Quote(keyword))
		s.fail(w, s.usage, "expected %q, not %q", keyword, w.text)
	}
}

// readMembers reads names of connections up to the end of the line.
func (s *statement) readMembers(read func(word) []string) []string {
	var all []string
	for first := true; first || !s.done(); first = false {
		w := s.take("the name of a connection")
		if s.failed() {
			return nil
		}
		all = append(all, read(w)...)
	}
	return all
}

func readSend(s *statement) Action {
	var do Send
	n := len(s.words)
	switch last := s.words[n-1]; {
	case n > 1 && last.quoted:
		do.Text = last.text
		s.checkText(last)
		s.words = s.words[:n-1]
	case n > 2 && last.text == "bytes":
		s.next = n - 2
		do.Size = s.number("how many bytes", 1, MaxSend)
		s.next = 1
		s.words = s.words[:n-2]
	default:
		s.fail(s.end(), s.usage, `expected what to send, such as "hello" or 10 bytes`)
	}
	do.Names = s.readMembers(s.open)
	return do
}

func (s *statement) checkText(w word) {
	if w.text == "" {
		s.fail(w, "", "the text is empty: nothing would be sent")
	}
}

func readShutdown(s *statement) Action { return Shutdown{Names: s.readMembers(s.open)} }

func readReset(s *statement) Action {
	return Reset{Names: s.readMembers(func(w word) []string { return s.ending(w, "reset") })}
}

func readClose(s *statement) Action {
	var do Close
	do.Names = s.readMembers(func(w word) []string {
		if s.names.servers[w.text] == nil {
			return s.ending(w, "close")
		}
		do.Servers = append(do.Servers, s.closeServer(w))
		return nil
	})
	return do
}

// defaultAtMost is how long a client command may take if its step does not say.
const defaultAtMost = time.Minute

func readExec(s *statement) Action {
	do := ClientExec{AtMost: defaultAtMost}
	for more := true; more && !s.failed(); {
		switch {
		case s.accept("as"):
			w := s.newName("the command")
			do.Name = w.text
		case s.accept("may", "fail"):
			do.MayFail = true
		case s.accept("at", "most"):
			do.AtMost = s.period(MaxWait)
		case s.accept("to"):
			w := s.take("the name of a server")
			s.server(w)
			do.To = w.text
		default:
			more = false
		}
	}
	words := s.words[min(s.next, len(s.words)):]
	do.Command = s.rest("a command")
	if i := slices.IndexFunc(words, hasPlaceholder); i >= 0 && do.To == "" {
		do.To, _ = s.onlyServer(words[i], "to")
	}
	if do.Name != "" && !s.failed() {
		s.names.execs[do.Name] = s.line
	}
	return do
}

func hasPlaceholder(w word) bool {
	return strings.Contains(w.text, "{host}") || strings.Contains(w.text, "{port}") || strings.Contains(w.text, "{address}")
}

func readFlood(s *statement) Action {
	s.needsWire(s.words[0])
	do := Flood{Count: s.number("how many SYNs", 1, MaxFlood)}
	s.expectWord("syns")
	s.expectWord("at")
	do.Rate = s.rate()
	if s.accept("from") {
		w := s.take("client or martians")
		do.From = Sender(w.text)
		if do.From != Client && do.From != Martians {
			s.fail(w, didYouMean(w.text, []string{string(Client), string(Martians)}), "unexpected %q", w.text)
		}
	}
	do.To, _ = s.theServer(s.words[0], "to")
	do.Background = s.accept("in", "background")
	return do
}

// rate reads a number per second.
func (s *statement) rate() int {
	const what = "a rate such as 500/s"
	w := s.take(what)
	digits, ok := strings.CutSuffix(w.text, "/s")
	n, err := strconv.Atoi(digits)
	switch {
	case s.failed():
	case !ok && isDigits(w.text):
		s.fail(w, "write "+w.text+"/s", "expected %s, not %q", what, w.text)
	case !ok || err != nil || n < 1:
		s.fail(w, "", "expected %s, not %q", what, w.text)
	case n > MaxFloodRate:
		s.fail(w, "", "at most %d/s", MaxFloodRate)
	}
	return n
}
