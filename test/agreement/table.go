package main

import (
	"fmt"
	"io"
)

// row is how one scenario agrees, by view.
type row struct {
	scenario   string
	incomplete bool
	tallies    [len(views)]tally
}

type table []row

// wrong is how many statements say something else than the recording.
func (t table) wrong() int {
	n := 0
	for _, r := range t {
		for _, c := range r.tallies {
			n += c.wrong
		}
	}
	return n
}

// print prints the table as Markdown, as it stands in docs.
func (t table) print(w io.Writer) {
	fmt.Fprint(w, "| experiment |")
	for _, v := range views {
		fmt.Fprintf(w, " %s |", v.name)
	}
	fmt.Fprint(w, "\n|---|---|---|---|\n")
	for _, r := range t {
		fmt.Fprintf(w, "| %s |", r.scenario)
		if r.incomplete {
			fmt.Fprintln(w, " not compared: the machine was too busy to see all frames | | |")
			continue
		}
		for _, c := range r.tallies {
			fmt.Fprintf(w, " %s |", c)
		}
		fmt.Fprintln(w)
	}
	t.printShares(w)
}

// printShares prints how often a statement has one member: of all connections, and
// with each experiment counted alike, so that none counts by its number of clients.
func (t table) printShares(w io.Writer) {
	fmt.Fprint(w, "| **exact, of all connections** |")
	for i := range views {
		var sum tally
		for _, r := range t {
			sum.exact += r.tallies[i].exact
			sum.set += r.tallies[i].set
			sum.wrong += r.tallies[i].wrong
		}
		fmt.Fprintf(w, " %.0f %% of %d |", 100*float64(sum.exact)/float64(max(1, sum.told())), sum.told())
	}
	fmt.Fprint(w, "\n| **exact, each experiment alike** |")
	for i := range views {
		fmt.Fprintf(w, " %.0f %% |", 100*t.exact(i))
	}
	fmt.Fprintln(w)
}

// exact is the share of exact statements of one view, each experiment alike.
func (t table) exact(view int) float64 {
	share, n := 0.0, 0
	for _, r := range t {
		if c := r.tallies[view]; c.told() > 0 {
			share += float64(c.exact) / float64(c.told())
			n++
		}
	}
	return share / float64(max(1, n))
}

// String is a cell of the table.
func (t tally) String() string {
	switch {
	case t.told() == 0:
		return "no packet"
	case t.wrong > 0:
		return fmt.Sprintf("%d exact, %d set, %d WRONG", t.exact, t.set, t.wrong)
	case t.set == 0:
		return fmt.Sprintf("%d exact", t.exact)
	case t.exact == 0:
		return fmt.Sprintf("%d set", t.set)
	}
	return fmt.Sprintf("%d exact, %d set", t.exact, t.set)
}
