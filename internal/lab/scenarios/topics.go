package scenarios

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// topic is what experiments are about.
type topic struct {
	title string
	names []string // of experiments, or ids of several, or the letter of many
}

// topics are in the order in which experiments are listed.
var topics = []topic{
	{"a full accept queue", []string{"a1", "a2-clients-close", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "c3", "c4", "c5", "c8", "h1", "x1", "x12"}},
	{"the SYN queue and SYN cookies", []string{"d1", "d2", "d4", "d5", "d6"}},
	{"clients: timeouts, closing, resets", []string{"a2-fin-wait-2", "a6", "c7", "e2", "x11"}},
	{"how servers listen and accept", []string{"x2", "x3", "x4", "x5", "x6", "x10"}},
	{"real servers", []string{"c2", "d3"}},
	{"what ss, netstat, counters and captures show", []string{"a7", "c1", "c6", "c9", "d7", "e1"}},
	{"networks and kernels", []string{"e3", "x8", "x9"}},
	{"many clients", []string{"m"}},
	{"look-alikes: something else drops, refuses or answers", []string{"l"}},
}

// Topic is what an experiment is about; empty if it is none of the built-in ones.
func Topic(name string) string {
	id, _, _ := strings.Cut(name, "-")
	letter := strings.TrimRight(id, "0123456789")
	for _, t := range topics {
		if slices.ContainsFunc([]string{name, id, letter}, func(s string) bool { return slices.Contains(t.names, s) }) {
			return t.title
		}
	}
	return ""
}

// number is that of an id: 10 of l10-answers-dropped.
func number(name string) int {
	id, _, _ := strings.Cut(name, "-")
	n, err := strconv.Atoi(strings.TrimLeft(id, "abcdefghijklmnopqrstuvwxyz"))
	if err != nil {
		panic("the experiment " + name + " has no id") // a file of this package
	}
	return n
}

// ByTopic are the names of all experiments, those of a topic together, l2 before l10.
func ByTopic() []string {
	names := Names()
	order := func(name string) int {
		return slices.IndexFunc(topics, func(t topic) bool { return t.title == Topic(name) })
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(a[0], b[0]), cmp.Compare(number(a), number(b)))
	})
	return names
}
