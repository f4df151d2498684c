package explain

import "time"

// copies finds files that hold the same packets, as a capture and its annotated copy do, or
// one that was named twice. Of each the longest is read; the others contain nothing more.
func (e *explainer) copies() {
	for i, s := range e.sources {
		for _, other := range e.sources[:i] {
			if other.same != "" || s.same != "" || !begin(s.ahead, other.ahead) {
				continue
			}
			if len(other.ahead) < len(s.ahead) {
				s, other = other, s
			}
			s.same, s.done = other.name, true
		}
	}
}

// begin reports that the shorter of two files is the beginning of the longer one.
func begin(a, b []segment) bool {
	n := min(len(a), len(b))
	for i := range n {
		if !a[i].is(&b[i]) {
			return false
		}
	}
	return n > 0
}

// is reports that two segments are one that was written twice: at the same time, as exactly
// as the less exact of two files has it.
func (s *segment) is(o *segment) bool {
	apart := time.Duration(s.at - o.at).Abs()
	return apart < time.Microsecond && s.Src == o.Src && s.Dst == o.Dst && s.Seq == o.Seq && s.Ack == o.Ack && s.Len == o.Len && s.Flags == o.Flags
}

// read are the files that are read.
func (e *explainer) read() []*source {
	var all []*source
	for _, s := range e.sources {
		if s.same == "" {
			all = append(all, s)
		}
	}
	return all
}
