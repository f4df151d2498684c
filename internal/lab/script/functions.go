package script

import (
	"cmp"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

// function is what an expression can call.
type function struct {
	name    string
	form    string
	meaning string
	call    func(args ...any) (any, error) // nil: expr's own
}

// functions are all of them.
var functions = []function{
	{"all", "all(GROUP, CONDITION)", "the condition holds for every connection", nil},
	{"any", "any(GROUP, CONDITION)", "the condition holds for at least one", nil},
	{"none", "none(GROUP, CONDITION)", "the condition holds for none", nil},
	{"one", "one(GROUP, CONDITION)", "the condition holds for exactly one", nil},
	{"count", "count(GROUP, CONDITION)", "how many it holds for", nil},
	{"filter", "filter(GROUP, CONDITION)", "the group of those that it holds for", nil},
	{"map", "map(GROUP, .MEMBER)", "the list of that member's values", nil},
	{"sum", "sum(GROUP, .MEMBER)", "the sum of a member that is a number", nil},
	{"len", "len(GROUP)", "how many there are", nil},
	{"min", "min(LIST), min(X, Y…)", "the least number or duration", func(args ...any) (any, error) { return extreme(args, -1) }},
	{"max", "max(LIST), max(X, Y…)", "the greatest number or duration", func(args ...any) (any, error) { return extreme(args, 1) }},
	{"abs", "abs(X)", "a number or duration without its sign", func(args ...any) (any, error) { return extreme([]any{args[0], negative(args[0])}, 1) }},
	{"between", "between(X, LOW, HIGH)", "LOW <= X and X <= HIGH, of numbers or durations", func(args ...any) (any, error) {
		return compareValues(args[1], args[0]) <= 0 && compareValues(args[0], args[2]) <= 0, nil
	}},
}

func functionNames() []string {
	var all []string
	for _, f := range functions {
		all = append(all, f.name)
	}
	return all
}

// compareValues compares two numbers or two durations.
func compareValues(x, y any) int {
	if d, ok := x.(time.Duration); ok {
		return cmp.Compare(d, y.(time.Duration))
	}
	return cmp.Compare(x.(int), y.(int))
}

func negative(x any) any {
	if d, ok := x.(time.Duration); ok {
		return -d
	}
	return -x.(int)
}

// extreme returns the least (sign -1) or the greatest (1) of values, or of the
// one list among them. There is none of an empty list.
func extreme(values []any, sign int) (any, error) {
	if list, ok := values[0].([]any); ok {
		values = list
	}
	if len(values) == 0 {
		return nil, errEmpty
	}
	return slices.MaxFunc(values, func(x, y any) int { return sign * compareValues(x, y) }), nil
}

// builtin checks a function of expr's own.
func (c *check) builtin(at *ast.BuiltinNode) kind {
	i := slices.IndexFunc(functions, func(f function) bool { return f.name == at.Name })
	if i < 0 {
		return c.fail(at, didYouMean(at.Name, functionNames()), "unknown function %q", at.Name)
	}
	if len(at.Arguments) == 0 || at.Name != "len" && len(at.Arguments) != 2 {
		return c.fail(at, "write "+functions[i].form, "wrong arguments for %s", at.Name)
	}
	of := c.node(&at.Arguments[0])
	if of.base == broken {
		return kind{}
	}
	if at.Name == "len" {
		if len(at.Arguments) > 1 || !of.list {
			return c.fail(at, "write "+functions[i].form, "wrong arguments for len")
		}
		return kind{base: number}
	}
	if !of.list || of.base != aConnection {
		return c.fail(at.Arguments[0], "a group is what connect N as NAME makes", "%s needs a group of connections; this is %s", at.Name, of)
	}
	inner := c.condition(at)
	if inner.base == broken {
		return kind{}
	}
	return c.overGroup(at, inner)
}

// condition checks what a function asks of each member of a group.
func (c *check) condition(at *ast.BuiltinNode) kind {
	p, ok := at.Arguments[1].(*ast.PredicateNode)
	if !ok || c.within {
		return c.fail(at, "join them with and, or use filter", "a condition on the members of a group cannot hold another one")
	}
	c.within = true
	defer func() { c.within = false }()
	return c.node(&p.Node)
}

// overGroup is the kind of a function's result, given that of its condition.
func (c *check) overGroup(at *ast.BuiltinNode, inner kind) kind {
	switch at.Name {
	case "map":
		if !inner.value() {
			return c.fail(at.Arguments[1], "", "map needs a value of each connection; this is %s", inner)
		}
		inner.list = true
		return inner
	case "sum":
		if !inner.single(number) {
			return c.fail(at.Arguments[1], "", "sum needs a number of each connection; this is %s", inner)
		}
		return inner
	}
	if !inner.single(truth) {
		return c.fail(at.Arguments[1], "compare it with something", "%s needs a condition; this is %s", at.Name, inner)
	}
	switch at.Name {
	case "count":
		return kind{base: number}
	case "filter":
		return kind{base: aConnection, list: true}
	}
	return kind{base: truth}
}

// call checks a function of ours.
func (c *check) call(at *ast.CallNode) kind {
	name, ok := at.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.fail(at, "", "this cannot be called")
	}
	i := slices.IndexFunc(functions, func(f function) bool { return f.name == name.Value })
	if i < 0 {
		return c.fail(at, didYouMean(name.Value, functionNames()), "unknown function %q", name.Value)
	}
	var first kind
	for i := range at.Arguments {
		k := c.node(&at.Arguments[i])
		switch {
		case k.base == broken:
			return kind{}
		case k.base != number && k.base != duration:
			return c.fail(at.Arguments[i], "", "%s needs numbers or durations; this is %s", name.Value, k)
		case i > 0 && !k.same(first):
			return c.fail(at.Arguments[i], unitHint(at.Arguments[i]), "%s cannot mix %s and %s", name.Value, first, k)
		}
		if i == 0 {
			first = k
		}
	}
	if !hasForm(name.Value, len(at.Arguments), first.list) {
		return c.fail(at, "write "+functions[i].form, "wrong arguments for %s", name.Value)
	}
	first.list = false
	if name.Value == "between" {
		first = kind{base: truth}
	}
	at.SetType(first.goType())
	return first
}

// hasForm reports whether a function of ours takes that many arguments.
func hasForm(name string, arguments int, list bool) bool {
	switch name {
	case "between":
		return arguments == 3 && !list
	case "abs":
		return arguments == 1 && !list
	default:
		return arguments == 1 && list || arguments > 1 && !list
	}
}
