package script

import (
	"maps"
	"reflect"
	"slices"
	"time"
)

// base is what a value is, apart from the words that it can be.
type base uint8

const (
	broken base = iota // there is an error about it already
	truth
	number
	duration
	text
	aConnection
	aListener
	aCommand
	aFilter
	theObserved
	theDelta
	theClientDelta
	theFacts
)

// kind is the type of a part of an expression.
type kind struct {
	base  base
	words *vocabulary // of a text that can only be one of some words
	list  bool        // of values of this kind; a list of connections is a group
}

var (
	truthType    = reflect.TypeFor[bool]()
	durationType = reflect.TypeFor[time.Duration]()
)

// goTypes are the types of the values of each kind that expressions calculate with.
var goTypes = map[base]reflect.Type{
	truth:    truthType,
	number:   reflect.TypeFor[int](),
	duration: durationType,
	text:     reflect.TypeFor[string](),
}

func (k kind) goType() reflect.Type {
	if k.list {
		return reflect.TypeFor[[]any]()
	}
	return goTypes[k.base]
}

// single reports whether it is one value of that base.
func (k kind) single(b base) bool { return k.base == b && !k.list }

// value reports whether it can be compared.
func (k kind) value() bool { return !k.list && goTypes[k.base] != nil }

// same reports whether two kinds can be compared, apart from their words.
func (k kind) same(other kind) bool { return k.base == other.base && k.list == other.list }

// String names the kind for an error, with its article.
func (k kind) String() string {
	if k.list {
		if k.base == aConnection {
			return "a group of connections"
		}
		return "a list"
	}
	if k.words != nil {
		return k.words.noun
	}
	return [...]string{
		truth: "true or false", number: "a number", duration: "a duration", text: "a text",
		aConnection: "a connection", aListener: "a listener", aCommand: "a command", aFilter: "a filter",
		theObserved: "what was observed",
		theDelta:    "the counters", theClientDelta: "the counters", theFacts: "the facts",
	}[k.base]
}

// kindOfType is the kind of a Go type that a member or a fact has.
func kindOfType(t reflect.Type) kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return kind{base: duration}
	case t.Kind() == reflect.Bool:
		return kind{base: truth}
	case t.Kind() == reflect.String:
		return kind{base: text, words: vocabularies[t]}
	default:
		return kind{base: number}
	}
}

// scope is what an expression can name.
type scope struct {
	names *names
	facts bool // only facts, by their bare names
}

// lookUp returns the kind of a variable.
func (sc scope) lookUp(name string) (kind, bool) {
	n := sc.names
	switch {
	case sc.facts:
		f, ok := n.fact(name)
		return f.kind(), ok
	case n.groups[name] != nil:
		return kind{base: aConnection, list: true}, true
	case n.conns[name] != nil:
		return kind{base: aConnection}, true
	case n.execs[name] != 0:
		return kind{base: aCommand}, true
	case n.filters[name] != nil:
		return kind{base: aFilter}, true
	case n.servers[serverOf(name)] != nil && name != defaultServer:
		return kind{base: aListener}, true
	case name == observedName && n.observed:
		return kind{base: theObserved}, true
	case name == "delta":
		return kind{base: theDelta}, true
	case name == "client_delta":
		return kind{base: theClientDelta}, true
	case name == "facts":
		return kind{base: theFacts}, true
	}
	return kind{}, false
}

// variables are the names that lookUp knows.
func (sc scope) variables() []string {
	n := sc.names
	if sc.facts {
		return n.factNames()
	}
	all := append(n.connections(), slices.Sorted(maps.Keys(n.execs))...)
	all = append(all, n.filterNames()...)
	for _, s := range n.order {
		all = append(all, listenerOf(s))
	}
	if n.observed {
		all = append(all, observedName)
	}
	return append(all, "delta", "client_delta", "facts")
}

// observedName is the variable of the last observe step.
const observedName = "observed"

// listenerOf is the variable of a server, and serverOf the server of a variable.
func listenerOf(server string) string {
	if server == defaultServer {
		return defaultListener
	}
	return server
}

func serverOf(variable string) string {
	if variable == defaultListener {
		return defaultServer
	}
	return variable
}

// kind is the kind of a fact's value.
func (f Fact) kind() kind {
	if f.Zero == nil {
		return kind{}
	}
	return kindOfType(reflect.TypeOf(f.Zero))
}

func (n *names) fact(name string) (Fact, bool) {
	i := slices.IndexFunc(n.facts, func(f Fact) bool { return f.Name == name })
	if i < 0 {
		return Fact{}, false
	}
	return n.facts[i], true
}

// trueOrFalse are the names of the facts that are.
func (n *names) trueOrFalse() []string {
	var all []string
	for _, f := range n.facts {
		if f.kind().single(truth) {
			all = append(all, f.Name)
		}
	}
	return all
}

func (n *names) factNames() []string {
	var all []string
	for _, f := range n.facts {
		all = append(all, f.Name)
	}
	return all
}
