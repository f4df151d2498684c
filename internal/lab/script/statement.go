package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// statement is one line while it is read from left to right. The first error
// ends it: what is read after it is zero, and nobody looks at it.
type statement struct {
	*reader
	line   int
	text   string // the line
	words  []word
	next   int // index of the word that is read next
	errs   Errors
	broken bool // it fails because of an error above it, which is enough
}

func (s *statement) failed() bool { return s.broken || len(s.errs) > 0 }

// done reports whether nothing is left to read.
func (s *statement) done() bool { return s.failed() || s.next == len(s.words) }

// failAt adds an error at a byte of the line, with a hint.
func (s *statement) failAt(at int, hint, format string, args ...any) {
	s.errs = append(s.errs, &Error{
		File: s.script.Name, Line: s.line, Text: s.text,
		Column:  utf8.RuneCountInString(s.text[:at]) + 1,
		Message: fmt.Sprintf(format, args...),
		Hint:    hint,
	})
}

// fail is failAt for a word; only the first error of a statement counts.
func (s *statement) fail(w word, hint, format string, args ...any) {
	if !s.failed() {
		s.failAt(w.at, hint, format, args...)
	}
}

// end is the place behind the last word.
func (s *statement) end() word {
	last := s.words[len(s.words)-1].end
	return word{at: last, end: last}
}

// take reads the next word, whatever it is; what says what it should be.
func (s *statement) take(what string) word {
	if s.done() {
		s.fail(s.end(), "", "expected %s", what)
		return s.end()
	}
	s.next++
	return s.words[s.next-1]
}

// accept reads the given keywords if they are next.
func (s *statement) accept(keywords ...string) bool {
	if s.failed() || s.next+len(keywords) > len(s.words) {
		return false
	}
	for i, k := range keywords {
		if w := s.words[s.next+i]; w.quoted || w.text != k {
			return false
		}
	}
	s.next += len(keywords)
	return true
}

// options reads options up to the end of the line, each at most once. read is
// called for each behind its keyword, and reports whether it knows it.
func (s *statement) options(keywords []string, read func(keyword string) bool) {
	var seen []string
	for !s.done() {
		w := s.take("")
		switch {
		case w.quoted:
			s.fail(w, s.usage, "unexpected text in quotes")
		case !slices.Contains(keywords, w.text):
			s.fail(w, didYouMean(w.text, keywords), "unexpected %q", w.text)
		case slices.Contains(seen, w.text):
			s.fail(w, "", "%q is there twice", w.text)
		case !read(w.text):
			return
		}
		seen = append(seen, w.text)
	}
}

// finish complains about words that nobody read.
func (s *statement) finish() {
	if !s.done() {
		s.fail(s.words[s.next], s.usage, "unexpected %q", s.words[s.next].text)
	}
}

const durationExample = "a duration with its unit, such as 100ms"

// duration reads a duration of at most limit.
func (s *statement) duration(limit time.Duration) time.Duration {
	w := s.take(durationExample)
	d, ok := parseDuration(w.text)
	switch {
	case s.failed():
	case !ok && isDecimal(w.text):
		s.fail(w, fmt.Sprintf("write %sms or %ss", w.text, w.text), "expected %s, not %q", durationExample, w.text)
	case !ok:
		s.fail(w, "", "expected %s, not %q", durationExample, w.text)
	case d > limit:
		s.fail(w, "", "%s is too long: at most %s", w.text, formatDuration(limit))
	}
	return d
}

// period reads a duration that must not be zero.
func (s *statement) period(limit time.Duration) time.Duration {
	at := s.next
	d := s.duration(limit)
	if !s.failed() && d == 0 {
		s.fail(s.words[at], "", "the duration must not be zero")
	}
	return d
}

// percent reads a percentage as a fraction of 1.
func (s *statement) percent() float64 {
	const example = "a percentage from 0% to 100%, such as 10%"
	w := s.take(example)
	p, ok := parsePercent(w.text)
	if !ok {
		hint := ""
		if isDecimal(w.text) {
			hint = fmt.Sprintf("write %s%%", w.text)
		}
		s.fail(w, hint, "expected %s, not %q", example, w.text)
	}
	return p
}

// number reads a whole number; what names it.
func (s *statement) number(what string, low, high int) int {
	w := s.take(fmt.Sprintf("%s, a number from %d to %d", what, low, high))
	n, err := strconv.Atoi(w.text)
	if err != nil || n < low || n > high || w.quoted {
		s.fail(w, "", "expected %s, a number from %d to %d, not %q", what, low, high, w.text)
	}
	return n
}

// seed reads the seed of a generator.
func (s *statement) seed() uint64 {
	const what = "a seed, a number from 0 to 18446744073709551615"
	w := s.take(what)
	n, err := strconv.ParseUint(w.text, 10, 64)
	if err != nil {
		s.fail(w, "", "expected %s, not %q", what, w.text)
	}
	return n
}

// policy reads an accept policy.
func (s *statement) policy() Policy {
	const what = "an accept policy: never, all, every 100ms, after 1s, or a number"
	w := s.take(what)
	switch n, err := strconv.Atoi(w.text); {
	case err == nil && 1 <= n && n <= MaxConnections:
		return Policy{When: Some, N: n}
	case w.text == string(Never) || w.text == string(All):
		return Policy{When: When(w.text)}
	case w.text == string(Every) || w.text == string(After):
		return Policy{When: When(w.text), D: s.period(MaxWait)}
	default:
		s.fail(w, nearestHint(w.text, "never", "all", "every", "after"), "expected %s, not %q", what, w.text)
		return Policy{}
	}
}

// nearestHint is didYouMean without the list.
func nearestHint(word string, words ...string) string {
	if n := nearest(word, words); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

// rest reads all words that are left as they are; what says what they should be.
func (s *statement) rest(what string) []string {
	if s.done() {
		s.take(what)
		return nil
	}
	var words []string
	for _, w := range s.words[s.next:] {
		words = append(words, w.text)
	}
	s.next = len(s.words)
	return words
}

// code is the line from byte from to byte to, without white space at its ends.
func (s *statement) code(from, to int) (text string, at int) {
	text = strings.TrimRight(s.text[from:to], " \t")
	trimmed := strings.TrimLeft(text, " \t")
	return trimmed, from + len(text) - len(trimmed)
}
