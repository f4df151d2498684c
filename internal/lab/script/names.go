package script

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// names are what a script has named so far, and what has become of it.
type names struct {
	facts    []Fact
	reserved []string // words that cannot be names
	conns    map[string]*connection
	groups   map[string][]string
	servers  map[string]*listening
	order    []string // of the servers
	execs    map[string]int
	filters  map[string]*filtering
	declared int // connections
	observed bool
}

type connection struct {
	line  int    // that connects it
	ended string // the verb that closed or reset it
	at    int    // the line of that
	taken int    // the line of the connection that has its port now
}

// listening is a server.
type listening struct {
	line      int
	port      int
	exec      bool
	later     bool // it does not listen yet
	reuseport bool
	stopped   bool
	closed    int // the line that closed its listening socket
}

// defaultServer is the name of a server that its step does not name, and
// defaultListener what expressions call it.
const (
	defaultServer   = "server"
	defaultListener = "listener"
)

func newNames(facts []Fact) *names {
	return &names{
		facts:    facts,
		reserved: reserved(),
		conns:    map[string]*connection{},
		groups:   map[string][]string{},
		servers:  map[string]*listening{},
		execs:    map[string]int{},
		filters:  map[string]*filtering{},
	}
}

// taken returns what a name means already; empty if it is free.
func (n *names) taken(name string) string {
	switch {
	case n.conns[name] != nil:
		return fmt.Sprintf("is a connection of line %d", n.conns[name].line)
	case n.groups[name] != nil:
		return fmt.Sprintf("is the group of line %d", n.conns[n.groups[name][0]].line)
	case n.servers[name] != nil:
		return fmt.Sprintf("is the server of line %d", n.servers[name].line)
	case n.execs[name] != 0:
		return fmt.Sprintf("is the command of line %d", n.execs[name])
	case n.filters[name] != nil:
		return fmt.Sprintf("is the filter of line %d", n.filters[name].line)
	case slices.Contains(n.reserved, name):
		return "is a word of the language"
	}
	return ""
}

// reserved lists the words that have a meaning already.
func reserved() []string {
	words := append(verbNames(), defaultServer, defaultListener, observedName, "delta", "client_delta", "facts")
	words = append(words, functionNames()...)
	words = append(words, "as", "to", "from", "on", "at", "if", "until", "overlapping", "every", "giving", "mptcp", "fastopen", "asking", "reusing", "for")
	return append(words, "true", "false", "nil", "and", "or", "not", "in", "let", "else", "contains", "matches", "startsWith", "endsWith")
}

// known reports whether name is a connection or a group.
func (n *names) known(name string) bool { return n.conns[name] != nil || n.groups[name] != nil }

// expand puts the members in the place of each group.
func (n *names) expand(names []string) []string {
	var all []string
	for _, name := range names {
		if group := n.groups[name]; group != nil {
			all = append(all, group...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// connections are the names that known knows.
func (n *names) connections() []string {
	return slices.Concat(slices.Sorted(maps.Keys(n.conns)), slices.Sorted(maps.Keys(n.groups)))
}

// filterNames are the names of all filters.
func (n *names) filterNames() []string { return slices.Sorted(maps.Keys(n.filters)) }

// newName reads a name that is free.
func (s *statement) newName(what string) word {
	w := s.take("the name of " + what)
	s.checkName(w)
	return w
}

func (s *statement) checkName(w word) {
	if !isName(w.text) || w.quoted {
		s.fail(w, "", "expected a name, a letter and then up to 31 letters, digits or _, not %q", w.text)
		return
	}
	if meaning := s.names.taken(w.text); meaning != "" {
		s.fail(w, "choose another name", "%q %s", w.text, meaning)
	}
}

// declare makes a connection of that name known.
func (s *statement) declare(w word, name string) {
	if meaning := s.names.taken(name); meaning != "" {
		s.fail(w, "choose another name", "%q %s", name, meaning)
		return
	}
	if s.names.declared++; s.names.declared == MaxConnections+1 {
		s.fail(w, "", "too many connections: at most %d in one script", MaxConnections)
	}
	s.names.conns[name] = &connection{line: s.line}
}

// declareGroup makes count connections known, and their common name.
func (s *statement) declareGroup(w word, count int) []string {
	var members []string
	for i := range count {
		name := w.text + strconv.Itoa(i+1)
		s.declare(w, name)
		if s.names.conns[name] != nil {
			members = append(members, name)
		}
	}
	if len(members) > 0 {
		s.names.groups[w.text] = members
	}
	return members
}

// members returns the connections that a word names.
func (s *statement) members(w word) []string {
	if group := s.names.groups[w.text]; group != nil {
		return group
	}
	if s.names.conns[w.text] == nil {
		s.fail(w, s.unknownHint(w.text), "unknown connection %q", w.text)
		return nil
	}
	return []string{w.text}
}

func (s *statement) unknownHint(name string) string {
	if s.names.servers[name] != nil {
		return "it is a server"
	}
	if h := nearestHint(name, s.names.connections()...); h != "" {
		return h
	}
	return "a connection is known from its connect step on"
}

// open returns the connections that a word names, all of which must be neither
// closed nor reset.
func (s *statement) open(w word) []string {
	members := s.members(w)
	for _, name := range members {
		if c := s.names.conns[name]; c.ended != "" {
			s.fail(w, "", "%q has ended: see the %s of line %d", name, c.ended, c.at)
			return nil
		}
	}
	return members
}

// ending returns the connections that a word names and marks them as ended by
// the verb.
func (s *statement) ending(w word, verb string) []string {
	members := s.open(w)
	for _, name := range members {
		c := s.names.conns[name]
		c.ended, c.at = verb, s.line
	}
	return members
}

// server returns the server that a word names.
func (s *statement) server(w word) *listening {
	if l := s.names.servers[w.text]; l != nil {
		return l
	}
	s.fail(w, didYouMean(w.text, s.names.order), "unknown server %q", w.text)
	return nil
}

// theServer reads `KEYWORD NAME` if it is there; else it is the only server.
// place is where an error points that says that there is none, or too many.
func (s *statement) theServer(place word, keyword string) (string, *listening) {
	if s.accept(keyword) {
		w := s.take("the name of a server")
		return w.text, s.server(w)
	}
	return s.onlyServer(place, keyword)
}

// onlyServer returns the server of a step that does not name it.
func (s *statement) onlyServer(place word, keyword string) (string, *listening) {
	order := s.names.order
	switch {
	case len(order) == 0 && len(s.mistakes) > 0:
		s.broken = true // a step that could not be read may have been the server
	case len(order) == 0:
		s.fail(place, "begin with a server, such as: server backlog 1 accept never", "there is no server yet")
	case len(order) > 1 && (keyword != "to" || !s.samePort()):
		example := order[0]
		if keyword != "" {
			example = keyword + " " + example
		}
		s.fail(place, fmt.Sprintf("write which, such as: %s", example), "there are %d servers", len(order))
	default:
		return order[0], s.names.servers[order[0]]
	}
	return "", nil
}

// samePort reports whether all servers listen on one port, so that a client
// cannot choose between them.
func (s *statement) samePort() bool {
	first := s.names.servers[s.names.order[0]].port
	return !slices.ContainsFunc(s.names.order, func(name string) bool {
		port := s.names.servers[name].port
		return port == 0 || port != first
	})
}

// addServer makes a server known.
func (s *statement) addServer(name string, l *listening) {
	l.line = s.line
	for _, other := range s.names.order {
		o := s.names.servers[other]
		if o.port == l.port && o.port != 0 && o.closed == 0 && !(o.reuseport && l.reuseport) {
			s.fail(s.words[0], "write another port, or reuseport for both", "port %d is taken by the server of line %d", l.port, o.line)
		}
	}
	s.names.servers[name] = l
	s.names.order = append(s.names.order, name)
}
