package script

import "slices"

// observers are the programs that an observe step can run.
var observers = []string{"ss", "netstat", "nstat"}

func readObserve(s *statement) Action {
	var do Observe
	for !s.done() {
		w := s.take("the name of a program")
		switch {
		case !slices.Contains(observers, w.text):
			s.fail(w, didYouMean(w.text, observers), "unknown program %q", w.text)
		case slices.Contains(do.Programs, w.text):
			s.fail(w, "", "%s is there already", w.text)
		}
		do.Programs = append(do.Programs, w.text)
	}
	if do.Programs == nil {
		do.Programs = observers
	}
	s.names.observed = true
	return do
}
