package script

// Route takes the server's routes to its client away, or gives them back.
type Route struct{ Lost bool }

func (Route) action() {}

func readRoute(s *statement) Action {
	s.needsWire(s.words[0])
	for _, w := range []string{"to", "client"} {
		s.expectWord(w)
	}
	w := s.take("none or again")
	lost := w.text == "none"
	switch {
	case w.text != "none" && w.text != "again":
		s.fail(w, s.usage, "expected none or again, not %q", w.text)
	case lost == s.unrouted:
		s.fail(w, "", "it is so already")
	}
	s.reader.unrouted = lost
	return Route{Lost: lost}
}
