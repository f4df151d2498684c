package script

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// check finds the kind of every part of an expression, and puts a call of look
// in the place of every variable: so that evaluation knows what was looked at,
// and stops where that is unknown.
type check struct {
	scope
	durations durations
	within    bool // a condition on the members of a group
	mistakes  []mistake
}

// fail adds an error about a node.
func (c *check) fail(n ast.Node, hint, format string, args ...any) kind {
	c.mistakes = append(c.mistakes, mistake{n.Location().From, fmt.Sprintf(format, args...), hint})
	return kind{}
}

// node checks a node, which it may replace.
func (c *check) node(n *ast.Node) kind {
	switch at := (*n).(type) {
	case *ast.BoolNode:
		return kind{base: truth}
	case *ast.IntegerNode:
		return kind{base: number}
	case *ast.StringNode:
		return kind{base: text}
	case *ast.FloatNode:
		return c.fail(at, "", "numbers are whole; a duration has its unit, such as 1.5s")
	case *ast.IdentifierNode:
		return c.variable(n, at)
	case *ast.MemberNode:
		return c.member(n, at)
	case *ast.UnaryNode:
		return c.unary(at)
	case *ast.BinaryNode:
		return c.binary(at)
	case *ast.ArrayNode:
		return c.array(at)
	case *ast.BuiltinNode:
		return c.builtin(at)
	case *ast.CallNode:
		return c.call(at)
	case *ast.PointerNode:
		return c.fail(at, "name a member, such as .outcome", "a condition looks at members")
	default:
		return c.fail(at, "", "expressions have variables, comparisons, and, or, not, and a few functions: not this")
	}
}

// variable checks a name that stands alone.
func (c *check) variable(n *ast.Node, at *ast.IdentifierNode) kind {
	if token, ok := c.durations[at.Location().From]; ok {
		d, _ := parseDuration(token)
		ast.Patch(n, &ast.ConstantNode{Value: d})
		return kind{base: duration}
	}
	k, ok := c.lookUp(at.Value)
	switch {
	case !ok:
		return c.unknown(at)
	case c.facts:
		c.look(n, &reference{base: theFacts, label: at.Value, variable: at.Value}, k)
	case k.list:
		c.look(n, &reference{base: aConnection, list: true, variable: at.Value, label: at.Value}, k)
	}
	return k
}

// unknown complains about a name that means nothing here.
func (c *check) unknown(at *ast.IdentifierNode) kind {
	name := at.Value
	if c.facts {
		hint := didYouMean(name, c.variables())
		if _, ok := (scope{names: c.names}).lookUp(name); ok {
			hint = "a condition is over facts alone"
		}
		return c.fail(at, hint, "unknown fact %q", name)
	}
	hint := didYouMean(name, c.variables())
	if _, ok := find(memberTables()[aConnection], name); ok {
		hint = fmt.Sprintf("of which connection? write NAME.%s, or .%[1]s in a condition on a group", name)
	}
	if name == observedName {
		hint = "write an observe step before it"
	}
	if name == defaultServer {
		hint = "the listener of the server is called listener"
	}
	return c.fail(at, hint, "unknown variable %q", name)
}

// look puts a call of look in the place of a node.
func (c *check) look(n *ast.Node, r *reference, k kind, object ...ast.Node) {
	call := &ast.CallNode{
		Callee:    &ast.IdentifierNode{Value: lookName},
		Arguments: append([]ast.Node{&ast.IdentifierNode{Value: evaluationName}, &ast.ConstantNode{Value: r}}, object...),
	}
	call.SetType(k.goType())
	r.kind = k
	ast.Patch(n, call)
}

// member checks NAME.MEMBER, and .MEMBER within a condition.
func (c *check) member(n *ast.Node, at *ast.MemberNode) kind {
	property, ok := at.Property.(*ast.StringNode)
	if !ok || at.Optional || at.Method {
		return c.fail(at, "", "expected a member, such as .outcome")
	}
	switch of := at.Node.(type) {
	case *ast.PointerNode:
		return c.memberOf(n, property, kind{base: aConnection}, reference{base: aConnection, label: "." + property.Value}, of)
	case *ast.IdentifierNode:
		k, ok := c.lookUp(of.Value)
		switch {
		case !ok:
			return c.unknown(of)
		case k.list:
			return c.fail(of, fmt.Sprintf("write all(%s, .%s …), or %s1.%[2]s", of.Value, property.Value, of.Value), "%q is a group of connections", of.Value)
		}
		return c.memberOf(n, property, k, reference{base: k.base, variable: of.Value, label: of.Value + "." + property.Value})
	default:
		return c.fail(property, "", "%q is no member of this", property.Value)
	}
}

// memberOf looks a member up in what it belongs to.
func (c *check) memberOf(n *ast.Node, property *ast.StringNode, of kind, r reference, object ...ast.Node) kind {
	var k kind
	switch of.base {
	case theDelta, theClientDelta:
		nstat, ok := counterNamed(property.Value)
		if !ok {
			return c.fail(property, counterHint(property.Value), "unknown counter %q", property.Value)
		}
		r.variable, k = nstat, kind{base: number}
	case theFacts:
		f, ok := c.names.fact(property.Value)
		if !ok {
			return c.fail(property, didYouMean(property.Value, c.names.factNames()), "unknown fact %q", property.Value)
		}
		r.variable, k = f.Name, f.kind()
	default:
		members := memberTables()[of.base]
		m, ok := find(members, property.Value)
		if !ok {
			return c.fail(property, didYouMean(property.Value, memberNames(members)), "unknown variable %q", property.Value)
		}
		r.member, k = m, m.kind
		r.variable = serverOf(r.variable)
	}
	c.look(n, &r, k, object...)
	return k
}

func memberNames(members []member) []string {
	var all []string
	for _, m := range members {
		all = append(all, m.name)
	}
	return all
}

// counterHint finds the counter that was meant, also by its name with the group.
func counterHint(name string) string {
	if short := withoutGroup(name); counterNames()[short] != "" {
		return "the counters of TCP are written without their group: " + short
	}
	if hint := nearestHint(name, slices.Sorted(maps.Keys(counterNames()))...); hint != "" {
		return hint
	}
	return "one that is not in docs/reference/lab.md is written as nstat prints it, with its group: TcpExt" + name
}

func (c *check) unary(at *ast.UnaryNode) kind {
	k := c.node(&at.Node)
	not := at.Operator == "not" || at.Operator == "!"
	switch {
	case k.base == broken:
		return kind{}
	case not && k.single(truth), !not && (k.single(number) || k.single(duration)):
		return k
	}
	return c.fail(at, "", "%s cannot be put before %s", at.Operator, k)
}

func (c *check) binary(at *ast.BinaryNode) kind {
	left, right := c.node(&at.Left), c.node(&at.Right)
	if left.base == broken || right.base == broken {
		return kind{}
	}
	switch at.Operator {
	case "and", "or", "&&", "||":
		return c.logic(at, left, right)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.compare(at, left, right)
	case "+", "-", "*":
		return c.arithmetic(at, left, right)
	case "in":
		return c.in(at, left, right)
	case "contains", "startsWith", "endsWith", "matches":
		return c.match(at, left, right)
	}
	return c.fail(at, "", "there is no operator %s", at.Operator)
}

func (c *check) logic(at *ast.BinaryNode, left, right kind) kind {
	for i, k := range []kind{left, right} {
		if !k.single(truth) {
			return c.fail([]ast.Node{at.Left, at.Right}[i], "compare it with something", "%s joins what is true or false; this is %s", at.Operator, k)
		}
	}
	return kind{base: truth}
}

func (c *check) compare(at *ast.BinaryNode, left, right kind) kind {
	ordered := at.Operator != "==" && at.Operator != "!="
	switch {
	case c.unitMissing(at, left, right):
		return kind{}
	case !left.value() || !right.value():
		k := left
		if k.value() {
			k = right
		}
		return c.fail(at, "compare a member, such as c.outcome or listener.accept", "%s cannot be compared", k)
	case !left.same(right):
		return c.fail(at, "", "%s cannot be compared with %s", left, right)
	case ordered && left.base != number && left.base != duration:
		return c.fail(at, "", "%s is not more or less than another: only == and !=", left)
	}
	if left.words != nil && right.words != nil && left.words != right.words {
		return c.fail(at, "", "%s is never %s", left, right)
	}
	c.word(at.Left, right)
	c.word(at.Right, left)
	return kind{base: truth}
}

// unitMissing complains about a number where a duration is needed.
func (c *check) unitMissing(at *ast.BinaryNode, left, right kind) bool {
	n := at.Left
	switch {
	case left.single(duration) && right.single(number):
		n = at.Right
	case !left.single(number) || !right.single(duration):
		return false
	}
	c.fail(n, unitHint(n), "a duration and a number do not go together")
	return true
}

func unitHint(n ast.Node) string {
	if i, ok := n.(*ast.IntegerNode); ok {
		return fmt.Sprintf("write the unit: %dms or %[1]ds", i.Value)
	}
	return "write the unit, such as 100ms"
}

// word complains about a text that is none of the words that other can be.
func (c *check) word(n ast.Node, other kind) {
	if s, ok := n.(*ast.StringNode); ok && other.words != nil && !other.words.has(s.Value) {
		c.fail(n, didYouMean(s.Value, other.words.words), "%q is not %s", s.Value, other.words.noun)
	}
}

func (c *check) arithmetic(at *ast.BinaryNode, left, right kind) kind {
	product := at.Operator == "*"
	switch {
	case left.single(number) && right.single(number):
		return left
	case left.single(duration) && right.single(duration) && !product:
		return left
	case product && left.single(number) && right.single(duration), product && left.single(duration) && right.single(number):
		return kind{base: duration}
	case c.unitMissing(at, left, right):
		return kind{}
	}
	return c.fail(at, "", "%s %s %s makes no sense", left, at.Operator, right)
}

func (c *check) in(at *ast.BinaryNode, left, right kind) kind {
	elem := right
	elem.list = false
	if !right.list || !left.value() || !left.same(elem) {
		return c.fail(at, `write it as c.outcome in ["queued", "accepted"]`, "%s is never in %s", left, right)
	}
	if a, ok := at.Right.(*ast.ArrayNode); ok {
		for _, n := range a.Nodes {
			c.word(n, left)
		}
	} else {
		c.word(at.Left, elem)
	}
	return kind{base: truth}
}

func (c *check) match(at *ast.BinaryNode, left, right kind) kind {
	pattern, ok := at.Right.(*ast.StringNode)
	if !left.single(text) || !ok {
		return c.fail(at, `write it as out.output contains "done"`, "%s compares a text with a text in quotes", at.Operator)
	}
	var wrong *syntax.Error
	if _, err := regexp.Compile(pattern.Value); at.Operator == "matches" && errors.As(err, &wrong) {
		return c.fail(pattern, "", "this is no regular expression: %s", wrong.Code)
	}
	return kind{base: truth}
}

func (c *check) array(at *ast.ArrayNode) kind {
	var elem kind
	for i := range at.Nodes {
		k := c.node(&at.Nodes[i])
		switch {
		case k.base == broken:
			return kind{}
		case !k.value() || i > 0 && !k.same(elem):
			return c.fail(at.Nodes[i], "", "a list has values of one kind; this is %s", k)
		}
		elem = kind{base: k.base}
	}
	if len(at.Nodes) == 0 {
		return c.fail(at, "", "the list is empty")
	}
	elem.list = true
	return elem
}
