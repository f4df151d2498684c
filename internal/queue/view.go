package queue

import "time"

// View is a host as of one sample, with the course that led there. Nothing in it changes any
// more: any number of goroutines may read it.
type View struct {
	Sample     *Sample          // the last one
	Samples    int              // how many the History has taken
	Window     time.Duration    // from the first sample that it is about to the last
	Listeners  []Trend          // worst first
	Namespaces []NamespaceTrend // in the order of the sample
}

// View returns what the History holds of the last window; 0: of all that it keeps. It must
// have taken a sample.
func (h *History) View(window time.Duration) *View {
	if window == 0 {
		window = h.keep
	}
	last := h.last
	v := &View{Sample: &last, Samples: h.samples, Listeners: h.trends(window), Namespaces: h.namespaceTrends(window)}
	for i := range v.Listeners {
		v.Window = max(v.Window, v.Listeners[i].Window)
	}
	for i := range v.Namespaces {
		v.Window = max(v.Window, v.Namespaces[i].Window)
	}
	return v
}
