package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/queue"
	"listenq/internal/text"
	"listenq/internal/watch"
)

// vigil shows on a terminal how far a long look at the machine is, and each finding when it
// appears for the first time. It is one of the readers of a watch.
type vigil struct {
	w       *text.Writer
	width   int
	began   time.Time
	period  time.Duration
	filter  queue.Filter
	printed map[string]bool
	next    time.Time // when to look what is wrong so far
}

// leastVigil is how long doctor looks at least by default: sooner it would say what the next
// second belies.
const leastVigil = 2 * time.Second

// longVigil is from when on somebody who waits wants to know for what.
const longVigil = 5 * time.Second

// showVigil shows the looks that follow until end is called; nothing where there is no
// terminal, or not long to wait.
func showVigil(ctx context.Context, w io.Writer, from *watch.Watch, period time.Duration, f queue.Filter) (end func()) {
	width := terminalWidth(w)
	if width == 0 || period < longVigil {
		return func() {}
	}
	v := &vigil{w: asText(w), width: width, began: time.Now(), period: period, filter: f, printed: map[string]bool{}, next: time.Now().Add(leastVigil)}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for look, err := from.Next(ctx, 0); err == nil; look, err = from.Next(ctx, look.Number) {
			v.looked(from)
		}
	}()
	return func() {
		stop()
		<-done
		v.w.Redraw("")
	}
}

// looked draws the line anew, and asks once a second what is wrong.
func (v *vigil) looked(from *watch.Watch) {
	if now := time.Now(); now.After(v.next) {
		v.next = now.Add(time.Second)
		if s := from.Snapshot(); s != nil {
			d := answer.NewDiagnosis(s.View, s.Findings, v.filter)
			for i := range d.Findings {
				v.print(&d.Findings[i])
			}
		}
	}
	line := []rune(fmt.Sprintf("looking: %.0f of %.0f s, %s so far", time.Since(v.began).Seconds(), v.period.Seconds(), show.Plural(len(v.printed), "finding")))
	v.w.Redraw(string(line[:min(len(line), v.width-1)]))
}

// print prints a finding that it has not printed yet.
func (v *vigil) print(f *answer.Finding) {
	where := "network namespace " + f.NetnsName
	if f.Listener != nil {
		where = f.Listener.Address
	}
	if v.printed[f.Code+where] {
		return
	}
	v.printed[f.Code+where] = true
	v.w.Redraw("")
	text.NewScreen(v.w, "never").Wrap(fmt.Sprintf("%4.0f s  ", time.Since(v.began).Seconds()), fmt.Sprintf("%s %s: %s", f.Code, where, f.Title))
}
