package cli

import (
	"fmt"
	"io"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// vigil shows on a terminal how far a long look at the machine is, and each finding when it
// appears for the first time.
type vigil struct {
	w      *text.Writer
	width  int // 0: not a terminal, or not for long: nothing is shown
	began  time.Time
	period time.Duration
	filter queue.Filter
	told   map[string]bool
	next   time.Time // when to look what is wrong so far
}

// leastVigil is how long doctor looks at least by default: sooner it would say what the next
// second belies.
const leastVigil = 2 * time.Second

// longVigil is from when on somebody who waits wants to know for what.
const longVigil = 5 * time.Second

func newVigil(w io.Writer, period time.Duration, f queue.Filter) *vigil {
	v := &vigil{w: asText(w), began: time.Now(), period: period, filter: f, told: map[string]bool{}, next: time.Now().Add(leastVigil)}
	if period >= longVigil {
		v.width = terminalWidth(w)
	}
	return v
}

// looked is called after each sample.
func (v *vigil) looked(h *queue.History) {
	if v.width == 0 {
		return
	}
	if now := time.Now(); now.After(v.next) {
		v.next = now.Add(time.Second)
		inspect(h.Worst(), mostInspected)
		d := answer.NewDiagnosis(h, v.filter)
		for i := range d.Findings {
			v.tell(&d.Findings[i])
		}
	}
	line := []rune(fmt.Sprintf("looking: %.0f of %.0f s, %s so far", time.Since(v.began).Seconds(), v.period.Seconds(), plural(len(v.told), "finding")))
	v.w.Redraw(string(line[:min(len(line), v.width-1)]))
}

// tell prints a finding that it has not told yet.
func (v *vigil) tell(f *answer.Finding) {
	where := "network namespace " + f.NetnsName
	if f.Listener != nil {
		where = f.Listener.Address
	}
	if v.told[f.Code+where] {
		return
	}
	v.told[f.Code+where] = true
	v.w.Redraw("")
	newScreen(v.w, "never").wrap(fmt.Sprintf("%4.0f s  ", time.Since(v.began).Seconds()), fmt.Sprintf("%s %s: %s", f.Code, where, f.Title))
}

// end takes the line back.
func (v *vigil) end() {
	if v.width > 0 {
		v.w.Redraw("")
	}
}
