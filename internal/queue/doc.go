// Package queue is the model of a host's listening sockets: one listener's two
// queues, the counters of its network namespace, and how both move. It is pure:
// no I/O and no clock. What could not be looked at is absent, never zero.
//
// A source makes Samples; a History takes them and computes the Trend of each
// listener, worst first:
//
//	h := queue.NewHistory(time.Minute)
//	h.Add(&sample)
//	for _, t := range h.Trends() {
//		fmt.Println(t.State, t.Listener.Address, t.Listener.AcceptLen, t.Listener.AcceptLimit)
//	}
package queue
