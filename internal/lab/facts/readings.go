package facts

import "fmt"

// Reading is a fact that is read off an experiment: more than whether its last
// expectation holds.
type Reading struct {
	Name    string
	zero    any    // of its type
	Title   string // what it is, whatever the value
	Meaning func(value any) string
}

// Readings are by the script whose experiment shows them.
var Readings = map[string][]Reading{
	"accept_full_drops_syn": {{
		"accept_full_syn_rule", "", "When a SYN that finds the accept queue full is dropped: always, young (only if more than one request is younger than a second), or never.",
		func(v any) string {
			return map[any]string{
				"always": "Every SYN that finds the accept queue full is dropped: connect() hangs.",
				"young":  "A SYN that finds the accept queue full is answered until two requests are younger than a second.",
				"never":  "SYNs are answered although the accept queue is full: clients believe that they are connected.",
			}[v]
		}}},
	"syn_queue_same_with_cookies": {
		{"syn_queue_of_backlog_4", 0, "How many requests the SYN queue of a backlog of 4 holds, without SYN cookies.",
			func(v any) string {
				return fmt.Sprintf("Without SYN cookies a backlog of 4 holds %v requests; the next SYN is dropped.", v)
			}},
		{"syn_queue_of_backlog_4_cookies", 0, "How many requests the SYN queue of a backlog of 4 holds, with SYN cookies.",
			func(v any) string {
				return fmt.Sprintf("With SYN cookies a backlog of 4 holds %v requests; the next SYN is answered with a cookie.", v)
			}},
		{"syn_queue_test", "", "When the SYN queue of a backlog of N is full: its length > N (it holds N + 1 requests), >= N (it holds N), or at a power of two, 16 at least.",
			func(v any) string {
				if v == "power of two" {
					return "The SYN queue holds the next power of two above the backlog, 16 at least."
				}
				return fmt.Sprintf("The SYN queue is full when its length is %v the backlog.", v)
			}},
		{"sk_drops_per_syn", 0, "How far a dropped SYN raises the listener's sk_drops.",
			func(v any) string { return fmt.Sprintf("A dropped SYN raises the listener's sk_drops by %v.", v) }},
	},
	"syn_reserve": {{
		"syn_queue_of_max_syn_backlog_16", 0, "How many requests of unknown peers fit under a tcp_max_syn_backlog of 16, without SYN cookies.",
		func(v any) string {
			return fmt.Sprintf("Without SYN cookies a tcp_max_syn_backlog of 16 holds %v requests of unknown peers.", v)
		}}},
	"ack_drop_counts_twice": {{
		"sk_drops_per_ack", 0, "How far a dropped final ACK of a kept request raises the listener's sk_drops.",
		func(v any) string {
			return fmt.Sprintf("A dropped final ACK of a kept request raises the listener's sk_drops by %v.", v)
		}}},
	"cookie_ignores_abort": {{
		"sk_drops_per_cookie_ack", 0, "How far a dropped final ACK of a SYN cookie raises the listener's sk_drops.",
		func(v any) string {
			return fmt.Sprintf("A dropped final ACK of a SYN cookie raises the listener's sk_drops by %v.", v)
		}}},
	"syn_retries_linear": {
		{"syn_third_after_s", 0, "How many seconds after its first SYN a client sends the third.",
			func(v any) string {
				return fmt.Sprintf("A client whose SYNs are dropped sends the third %v s after the first.", v)
			}},
	},
}
