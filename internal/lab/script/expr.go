package script

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// maxNodes bounds the parts of an expression. As no condition on the members of
// a group stands in another, its evaluation looks at no more than maxNodes *
// MaxConnections values.
const maxNodes = 200

// Expr is an expression that is true or false.
type Expr struct {
	text    string
	program *vm.Program
}

// String returns the expression as the script has it.
func (e *Expr) String() string { return e.text }

// mistake is an error in an expression.
type mistake struct {
	at            int // character of the expression, from 0
	message, hint string
}

// compile reads and checks an expression.
func compile(text string, sc scope) (*Expr, []mistake) {
	source, found, wrong := markDurations(text)
	if wrong != nil {
		return nil, []mistake{*wrong}
	}
	config := newConfig()
	tree, err := parser.ParseWithConfig(source, config)
	if err != nil {
		return nil, []mistake{syntaxMistake(err, found)}
	}
	c := &check{scope: sc, durations: found}
	if k := c.node(&tree.Node); k.base != broken && !k.single(truth) {
		c.fail(tree.Node, "compare it with something", "expected an expression that is true or false; this is %s", k)
	}
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	if _, err := checker.Check(tree, config); err != nil {
		return nil, []mistake{syntaxMistake(err, found)}
	}
	program, err := compiler.Compile(tree, config)
	if err != nil {
		return nil, []mistake{syntaxMistake(err, found)}
	}
	return &Expr{text: text, program: program}, nil
}

// The names of what only compiled expressions call. They cannot be written:
// check refuses every name that is not in scope.
const (
	lookName       = "$look"
	evaluationName = "$evaluation"
)

// newConfig is the language that remains of expr: what check lets through.
func newConfig() *conf.Config {
	config := conf.CreateNew()
	options := []expr.Option{
		expr.Env(types.Map{evaluationName: types.Any}),
		expr.AsBool(),
		expr.DisableIfOperator(),
		expr.MaxNodes(maxNodes),
		expr.Function(lookName, look),
	}
	for _, f := range functions {
		if f.call != nil {
			options = append(options, expr.Function(f.name, f.call))
		}
	}
	for _, option := range options {
		option(config)
	}
	return config
}

// durations are those of an expression, by the character where they begin.
type durations map[int]string

// markDurations puts an identifier of the same length in the place of each duration, as expr has
// none: its first digit becomes a $, and its point a _.
func markDurations(text string) (marked string, found durations, wrong *mistake) {
	found = durations{}
	var b strings.Builder
	at := 0 // in characters
	for rest := text; rest != ""; {
		token := nextToken(rest)
		switch _, ok := parseDuration(token); {
		case token[0] == '`' || token[0] >= utf8.RuneSelf:
			r, _ := utf8.DecodeRuneInString(token)
			return "", nil, &mistake{at, fmt.Sprintf("unexpected %q", r), ""}
		case ok:
			found[at] = token
			b.WriteString(mark(token))
		case isDigits(token[:1]) && !isDecimal(token):
			return "", nil, &mistake{at, fmt.Sprintf("expected a number or %s, not %q", durationExample, token), ""}
		default:
			b.WriteString(token)
		}
		at += utf8.RuneCountInString(token)
		rest = rest[len(token):]
	}
	return b.String(), found, nil
}

func mark(duration string) string { return "$" + strings.ReplaceAll(duration[1:], ".", "_") }

// tokens are what must not be cut: quoted text, numbers with what clings to
// them, and names.
var tokens = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^("(\\.|[^"\\])*"?|'(\\.|[^'\\])*'?|[0-9]+(\.[0-9]+)?[A-Za-z0-9_]*|[A-Za-z_$][A-Za-z0-9_$]*)`)
})

// nextToken returns the token that a text begins with, or its first character.
func nextToken(text string) string {
	if t := tokens().FindString(text); t != "" {
		return t
	}
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

var unexpectedToken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`unexpected token (\w+)(?:\((".*")\))?`)
})

// syntaxMistake puts an error of expr into our words.
func syntaxMistake(err error, found durations) mistake {
	var e *file.Error
	if !errors.As(err, &e) {
		return mistake{message: err.Error()}
	}
	message := e.Message
	for _, duration := range found {
		message = strings.ReplaceAll(message, mark(duration), duration)
	}
	m := mistake{at: e.From, message: message}
	token := unexpectedToken().FindStringSubmatch(message)
	switch {
	case strings.Contains(message, "maximum allowed nodes"):
		m.message = fmt.Sprintf("the expression has too many parts: at most %d", maxNodes)
	case strings.HasPrefix(message, "invalid integer literal"):
		m.message = "the number before this is too large"
	case token == nil:
	case token[1] == "EOF":
		m.message = "the expression is not finished"
		m.at++
	default:
		m.message = "unexpected " + token[2]
		if token[2] == `"="` {
			m.hint = "equal is =="
		}
	}
	return m
}

// expression compiles the words from begin up to end, as they stand in the line.
func (s *statement) expression(begin, end int, sc scope) *Expr {
	if begin >= end {
		at := s.words[begin-1].end
		s.failAt(at, s.usage, "expected an expression")
		return nil
	}
	text, at := s.code(s.words[begin].at, s.words[end-1].end)
	e, mistakes := compile(text, sc)
	for _, m := range mistakes {
		s.failAt(at+byteAt(text, m.at), m.hint, "%s", m.message)
	}
	return e
}

// byteAt is the byte at which a character begins; the length of the text if it
// has fewer characters.
func byteAt(text string, character int) int {
	for i := range text {
		if character == 0 {
			return i
		}
		character--
	}
	return len(text)
}
