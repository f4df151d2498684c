package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads and checks a script. facts are the kernel facts that it may put
// as conditions. The name is what errors call the file; the error is Errors,
// with every mistake that does not merely follow from an earlier one.
func Parse(name string, text []byte, facts []Fact) (*Script, error) {
	p := &reader{
		script: &Script{Name: name, Text: text},
		names:  newNames(facts),
	}
	lines, err := p.split(string(text))
	if err != nil {
		return nil, Errors{err}
	}
	steps := p.header(lines)
	for i, line := range lines[steps:] {
		p.step(steps+i+1, line)
	}
	p.conclude()
	if len(p.mistakes) > 0 {
		p.mistakes.sort()
		return nil, p.mistakes
	}
	return p.script, nil
}

// reader is the state of one Parse.
type reader struct {
	script   *Script
	names    *names
	began    bool     // a step has been read
	holds    bool     // a hold is in force
	unrouted bool     // the server has no route to its client
	later    []later  // what holds name
	forms    []string // of the verb that is read
	usage    string   // the form that was meant, or all
	mistakes Errors
}

// later is a connection that a hold names: it may be connected by a step below.
type later struct {
	s *statement
	w word
}

// split cuts the text into lines. Text that cannot be read at all is an error
// of its own.
func (p *reader) split(text string) ([]string, *Error) {
	if len(text) > MaxSize {
		return nil, &Error{File: p.script.Name, Line: 1, Column: 1,
			Message: fmt.Sprintf("the script has %d bytes; at most %d are read", len(text), MaxSize)}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		lines[i] = line
		if at, what := unreadable(line); what != "" {
			return nil, &Error{File: p.script.Name, Line: i + 1, Text: line[:min(len(line), MaxLine)],
				Column: utf8.RuneCountInString(line[:at]) + 1, Message: what}
		}
	}
	return lines, nil
}

// unreadable finds what makes a line unfit to be read, and at which byte.
func unreadable(line string) (at int, what string) {
	if len(line) > MaxLine {
		return 0, fmt.Sprintf("the line has %d bytes; at most %d are read", len(line), MaxLine)
	}
	for rest := line; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		at = len(line) - len(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return at, "this is not UTF-8"
		case unicode.IsControl(r) && r != '\t':
			return at, fmt.Sprintf("unexpected control character %U", r)
		}
		rest = rest[size:]
	}
	return 0, ""
}

// step reads one line.
func (p *reader) step(number int, line string) {
	words, at, err := splitWords(line)
	s := &statement{reader: p, line: number, text: line, words: words}
	switch {
	case errors.Is(err, errQuote):
		s.failAt(at, "", "%s", err)
	case err != nil:
		s.failAt(at, `a backslash in double quotes is \\`, "%s", err)
	case len(words) > 0:
		s.verb()
	}
	p.mistakes = append(p.mistakes, s.errs...)
}

// verb reads a line that is not empty.
func (s *statement) verb() {
	w, all := s.take(""), verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == w.text })
	if i < 0 || w.quoted {
		s.fail(w, didYouMean(w.text, verbNames()), "unknown verb %q", w.text)
		return
	}
	v := all[i]
	s.forms, s.usage = v.forms, strings.Join(v.forms, "  or  ")
	do := v.read(s)
	s.finish()
	s.began = true
	if s.failed() || do == nil {
		return
	}
	text, _ := s.code(0, s.end().at)
	s.script.Steps = append(s.script.Steps, Step{Line: s.line, Text: text, Do: do})
}

// expandFrom puts the connections in the place of the groups that a step is about.
func (p *reader) expandFrom(step Step) Action {
	switch do := step.Do.(type) {
	case Hold:
		do.From = p.names.expand(do.From)
		return do
	case Alter:
		do.From = p.names.expand(do.From)
		return do
	case Answer:
		do.From = p.names.expand(do.From)
		return do
	case Filter:
		do.From = p.names.expand(do.From)
		if message := do.tooMany(); message != "" {
			p.mistakes = append(p.mistakes, &Error{File: p.script.Name, Line: step.Line, Column: 1, Text: step.Text, Message: message})
		}
		return do
	}
	return step.Do
}

// conclude checks what depends on the whole script.
func (p *reader) conclude() {
	for _, l := range p.later {
		if name := l.w.text; !p.names.known(name) && !l.s.failed() {
			l.s.fail(l.w, nearestHint(name, p.names.connections()...), "no step connects %q", name)
			p.mistakes = append(p.mistakes, l.s.errs...)
		}
	}
	for i, step := range p.script.Steps {
		p.script.Steps[i].Do = p.expandFrom(step)
	}
	if len(p.script.Steps) == 0 && len(p.mistakes) == 0 {
		p.mistakes = Errors{{File: p.script.Name, Line: 1, Column: 1, Message: "the script has no steps",
			Hint: "begin with a server, such as: server backlog 1 accept never"}}
	}
}
