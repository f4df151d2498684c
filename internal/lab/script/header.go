package script

import (
	"strings"
	"time"
)

// maxTakes bounds what a script can say of its own duration.
const maxTakes = 24 * time.Hour

// Title is the title of a script's text, which need not be one that Parse takes;
// empty if it has none.
func Title(text []byte) string {
	p := &reader{script: &Script{}}
	p.header(strings.Split(string(text), "\n"))
	return p.script.Title
}

// header reads the comment with which a script begins: its title, its fields
// and its text. It returns the number of lines read.
func (p *reader) header(lines []string) int {
	var doc []string
	n := 0
	for ; n < len(lines) && strings.HasPrefix(lines[n], "#"); n++ {
		text := strings.TrimSpace(lines[n][1:])
		if p.field(n+1, lines[n], text) {
			continue
		}
		doc = append(doc, text)
	}
	for len(doc) > 0 && doc[0] == "" {
		doc = doc[1:]
	}
	if len(doc) > 0 {
		p.script.Title = doc[0]
		p.script.Doc = strings.TrimSpace(strings.Join(doc[1:], "\n"))
	}
	return n
}

// field reads a header field; false if the line is text.
func (p *reader) field(number int, line, text string) bool {
	name, value, ok := strings.Cut(text, ":")
	value = strings.TrimSpace(value)
	if !ok || name != "Source" && name != "Takes" {
		return false
	}
	at := len(line)
	if value != "" {
		at = strings.LastIndex(line, value)
	}
	s := &statement{reader: p, line: number, text: line, words: []word{{text: value, at: at, end: at + len(value)}}}
	switch {
	case value == "":
		s.failAt(at, "", "the field %s is empty", name)
	case name == "Source" && p.script.Source != "" || name == "Takes" && p.script.Takes != 0:
		s.failAt(at, "", "the field %s is there twice", name)
	case name == "Source":
		p.script.Source = value
	default:
		p.script.Takes = s.period(maxTakes)
	}
	p.mistakes = append(p.mistakes, s.errs...)
	return true
}
