package script

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"
)

// Result is what became of an expression.
type Result struct {
	Pass    bool
	Unknown bool   // it needs a value that is not known: it does not pass, nor does its opposite
	Got     string // what was looked at, with its values: c.outcome is "queued", c.connect is unknown
}

// Eval evaluates the expression from left to right; what an earlier part has
// decided is not looked at. The first unknown value ends it. The error is for
// an expression that costs too much, and for a fact of another type than its
// declaration.
func (e *Expr) Eval(env Env) (Result, error) {
	ev := &evaluation{env: env, known: map[sighting]bool{}}
	out, err := new(vm.VM).Run(e.program, map[string]any{evaluationName: ev})
	switch {
	case errors.Is(err, errUnknown), errors.Is(err, errEmpty):
		return Result{Unknown: true, Got: ev.got()}, nil
	case err != nil:
		return Result{}, fmt.Errorf("evaluate %s: %w", e.text, err)
	}
	pass, ok := out.(bool)
	if !ok {
		return Result{}, fmt.Errorf("evaluate %s: it is %v", e.text, out)
	}
	return Result{Pass: pass, Got: ev.got()}, nil
}

// What ends an evaluation without a result: a value that is not known, and the
// least or greatest of no values.
var (
	errUnknown = errors.New("the value is not known")
	errEmpty   = errors.New("the list is empty")
)

// reference is a variable of an expression.
type reference struct {
	base     base
	list     bool   // the group itself
	variable string // the name in Env
	label    string // how the script writes it
	member   member
	kind     kind
}

// evaluation is one Eval.
type evaluation struct {
	env   Env
	seen  []sighting // each once, in order
	known map[sighting]bool
}

// see keeps what was looked at.
func (e *evaluation) see(s sighting) {
	if !e.known[s] {
		e.known[s] = true
		e.seen = append(e.seen, s)
	}
}

// sighting is a value that was looked at.
type sighting struct {
	label string // c.outcome, or .outcome of an owner
	owner string // the connection, within a condition on the members of a group
	value any    // nil: unknown
}

// look is what expressions call for each variable: with the evaluation, the
// reference and, within a condition on the members of a group, the connection.
func look(args ...any) (any, error) {
	e, r := args[0].(*evaluation), args[1].(*reference)
	if r.list {
		return e.group(r)
	}
	s := sighting{label: r.label}
	if len(args) == 3 {
		c := args[2].(Conn)
		s.owner, s.value = c.Name, r.member.of(c)
	} else {
		s.value = e.value(r)
	}
	e.see(s)
	switch {
	case s.value == nil:
		return nil, errUnknown
	case reflect.TypeOf(s.value) != r.kind.goType():
		return nil, fmt.Errorf("%s is a %T, not %s", r.label, s.value, r.kind)
	}
	return s.value, nil
}

// group returns the connections of a group.
func (e *evaluation) group(r *reference) (any, error) {
	conns, ok := e.env.Groups[r.variable]
	if !ok {
		e.see(sighting{label: r.label})
		return nil, errUnknown
	}
	all := make([]any, len(conns))
	for i, c := range conns {
		all[i] = c
	}
	return all, nil
}

// value returns the value of a variable, nil if it is unknown.
func (e *evaluation) value(r *reference) any {
	var object any
	var ok bool
	switch r.base {
	case aConnection:
		object, ok = lookIn(e.env.Conns, r.variable)
	case aListener:
		object, ok = lookIn(e.env.Listeners, r.variable)
	case aCommand:
		object, ok = lookIn(e.env.Execs, r.variable)
	case aFilter:
		object, ok = lookIn(e.env.Filters, r.variable)
	case theObserved:
		object, ok = e.env.Observed, true
	case theFacts:
		return e.env.Facts[r.variable]
	case theDelta:
		return count(e.env.Delta, r.variable)
	case theClientDelta:
		return count(e.env.ClientDelta, r.variable)
	}
	if !ok {
		return nil
	}
	return r.member.of(object)
}

func lookIn[T any](m map[string]T, name string) (any, bool) {
	v, ok := m[name]
	return v, ok
}

func count(counters map[string]int64, name string) any {
	if n, ok := counters[name]; ok {
		return int(n)
	}
	return nil
}

// got describes what was looked at. Connections of a group that agree are listed
// together: .outcome is "queued" for a1, a2 and 4 more, "half-open" for a7.
func (e *evaluation) got() string {
	var parts []string
	var labels []string
	for _, s := range e.seen {
		switch {
		case s.owner == "":
			parts = append(parts, s.label+" is "+format(s.value))
		case !slices.Contains(labels, s.label):
			labels = append(labels, s.label)
			parts = append(parts, s.label+" is "+e.tally(s.label))
		}
	}
	return strings.Join(parts, ", ")
}

// tally lists the values of a member that was looked at in a group.
func (e *evaluation) tally(label string) string {
	owners := map[any][]string{}
	var values []any
	for _, s := range e.seen {
		if s.label != label || s.owner == "" {
			continue
		}
		if owners[s.value] == nil {
			values = append(values, s.value)
		}
		owners[s.value] = append(owners[s.value], s.owner)
	}
	var parts []string
	for _, v := range values {
		parts = append(parts, format(v)+" for "+enumerate(owners[v]))
	}
	return strings.Join(parts, ", ")
}

// enumerate lists the first few names.
func enumerate(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few-1], ", "), len(names)-few+1)
}

// format writes a value as a script does.
func format(value any) string {
	const long = 200
	switch v := value.(type) {
	case nil:
		return "unknown"
	case string:
		if runes := []rune(v); len(runes) > long {
			return fmt.Sprintf("%q and %d characters more", string(runes[:long]), len(runes)-long)
		}
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprint(v)
	}
}
