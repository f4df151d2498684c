package queue

import "time"

// flow is how many connections came into the accept queue since a point, and how
// many left it. The queue is first in, first out: while its oldest member has been
// there since before, all that came are still in it. Otherwise it is not known.
func flow(before Point, l *Listener, now time.Duration) (arrived, accepted Count) {
	if l.Waiting == nil || l.Shared > 1 || len(l.Waiting.Waits) != l.AcceptLen {
		return Count{}, Count{}
	}
	oldest, ok := l.Waiting.Oldest()
	since := now - l.Waiting.Age - before.T
	if !ok || oldest < since {
		return Count{}, Count{}
	}
	came := 0
	for _, wait := range l.Waiting.Waits {
		if wait < since {
			came++
		}
	}
	left := before.AcceptLen + came - l.AcceptLen
	if left < 0 {
		return Count{}, Count{}
	}
	return Known(uint64(came)), Known(uint64(left))
}

// missing is how many of the accept queue the kernel does not show as sockets. At
// one moment some of it may be a race: connections come and go between two looks.
func missing(l *Listener) Count {
	if l.Waiting == nil || l.Shared > 1 || l.AcceptLen < l.Waiting.Len {
		return Count{}
	}
	return Known(uint64(l.AcceptLen - l.Waiting.Len))
}

// dead is how many in the accept queue have been reset by their client: missing in
// two samples. A reset connection keeps its place until accept() takes it
// (tcp_reset, net/ipv4/tcp_input.c, takes the socket out of the hash table alone).
func (t *track) dead() Count {
	if !t.missing[0].Known || !t.missing[1].Known {
		return Count{}
	}
	return Known(min(t.missing[0].N, t.missing[1].N))
}
