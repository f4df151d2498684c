package main

import (
	"fmt"
	"io"
	"strings"
)

// Rows of experiments that are held back begin with this.
const heldBack = "held"

// row is how one scenario agrees, by view.
type row struct {
	scenario   string
	incomplete bool
	tallies    [len(views)]tally
	listeners  [len(views)]listeners
	points     []tally
}

type table []row

// sum adds up a view.
func (t table) sum(view int) (c tally, l listeners) {
	for _, r := range t {
		c.add(r.tallies[view])
		l.add(r.listeners[view])
	}
	return c, l
}

// bad reports that the truth is missing from a statement, or that one which is certain or
// likely is not so.
func (t table) bad() bool {
	for i := range views {
		if c, l := t.sum(i); c.wrong+c.contradicted+l.contradicted > 0 {
			return true
		}
	}
	for i := range points {
		if c := t.atPoint(i); c.wrong+c.contradicted+c.listeners > 0 {
			return true
		}
	}
	return false
}

// atPoint adds up a point of capture.
func (t table) atPoint(i int) (sum tally) {
	for _, r := range t {
		if i < len(r.points) {
			sum.add(r.points[i])
		}
	}
	return sum
}

// printPoints prints what captures are worth that hold less, or other things, than the
// packets of an end.
func (t table) printPoints(w io.Writer) {
	fmt.Fprint(w, "\n| captured | statements | the truth is missing | certain or likely | contradicted | on listeners, contradicted | ranked first |\n|---|---|---|---|---|---|---|\n")
	for i, p := range points {
		c := t.atPoint(i)
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d | %s |\n", p.name, c.statements, c.wrong, c.sure, c.contradicted, c.listeners, share(c.first, c.statements))
	}
}

// split returns the built-in experiments, and those that are held back.
func (t table) split() (built, judged table) {
	for _, r := range t {
		if strings.HasPrefix(r.scenario, heldBack) {
			judged = append(judged, r)
		} else {
			built = append(built, r)
		}
	}
	return built, judged
}

// print prints the tables as Markdown, as they stand in docs.
func (t table) print(w io.Writer) {
	t, judged := t.split()
	t.printShares(w)
	t.printPoints(w)
	if len(judged) > 0 {
		fmt.Fprintf(w, "\nThe same of %d experiments on which no rule was tuned:\n\n", len(judged))
		judged.printShares(w)
		judged.printPoints(w)
	}
	fmt.Fprint(w, "\n| experiment |")
	for _, v := range views {
		fmt.Fprintf(w, " %s |", v.name)
	}
	fmt.Fprint(w, " listener, at the server |\n|---|---|---|---|---|\n")
	for _, r := range t {
		fmt.Fprintf(w, "| %s |", r.scenario)
		if r.incomplete {
			fmt.Fprintln(w, " not compared: the machine was too busy to see all frames | | | |")
			continue
		}
		for _, c := range r.tallies {
			fmt.Fprintf(w, " %s |", c)
		}
		fmt.Fprintf(w, " %s |\n", r.listeners[0])
	}
}

// printShares prints what all statements are worth together, by view.
func (t table) printShares(w io.Writer) {
	fmt.Fprint(w, "| |")
	for _, v := range views {
		fmt.Fprintf(w, " %s |", v.name)
	}
	fmt.Fprint(w, "\n|---|---|---|---|\n")
	line := func(what string, cell func(tally, listeners) string) {
		fmt.Fprintf(w, "| %s |", what)
		for i := range views {
			fmt.Fprintf(w, " %s |", cell(t.sum(i)))
		}
		fmt.Fprintln(w)
	}
	line("statements on connections", func(c tally, _ listeners) string { return fmt.Sprint(c.statements) })
	line("the truth is missing", func(c tally, _ listeners) string { return fmt.Sprint(c.wrong) })
	line("certain or likely", func(c tally, _ listeners) string { return fmt.Sprint(c.sure) })
	line("of them, contradicted", func(c tally, _ listeners) string { return fmt.Sprint(c.contradicted) })
	line("the truth is ranked first", func(c tally, _ listeners) string { return share(c.first, c.statements) })
	line("readings left, on average", func(c tally, _ listeners) string {
		return fmt.Sprintf("%.1f", float64(c.left)/float64(max(1, c.statements)))
	})
	line("statements on listeners", func(_ tally, l listeners) string { return fmt.Sprint(l.statements) })
	line("contradicted ones that are certain or likely", func(_ tally, l listeners) string { return fmt.Sprint(l.contradicted) })
	line("overflowed as packets can show, named so", func(_ tally, l listeners) string { return fmt.Sprintf("%d of %d", l.named, l.overflowed) })
	line("overflowed as packets cannot show", func(_ tally, l listeners) string { return fmt.Sprint(l.hidden) })
}

func share(n, of int) string {
	return fmt.Sprintf("%.0f %% (%d)", 100*float64(n)/float64(max(1, of)), n)
}

// String is a cell of the table.
func (t tally) String() string {
	if t.statements == 0 {
		return "no packet"
	}
	text := fmt.Sprintf("first %d of %d", t.first, t.statements)
	if t.wrong > 0 {
		text += fmt.Sprintf(", %d MISSING", t.wrong)
	}
	if t.contradicted > 0 {
		text += fmt.Sprintf(", %d CONTRADICTED", t.contradicted)
	}
	return text
}

// String is what is said of the listeners of an experiment.
func (l listeners) String() string {
	switch {
	case l.contradicted > 0:
		return "CONTRADICTED"
	case l.overflowed > 0:
		return fmt.Sprintf("overflow named, %d of %d", l.named, l.overflowed)
	case l.hidden > 0:
		return l.why
	}
	return ""
}
