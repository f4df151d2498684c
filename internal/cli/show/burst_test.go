package show

import (
	"strings"
	"testing"

	"listenq/internal/answer"
)

func TestLargest(t *testing.T) {
	found := func(least, most, clients int, searches ...int) answer.Burst {
		return answer.Burst{
			Limit: new(5), Clients: clients, Largest: &answer.BurstRange{Least: least, Most: most}, Bounded: least == clients,
			Searches: searches, Rows: []answer.BurstRow{{Clients: 46, ACKsWithin: new(answer.Milliseconds(4.6))}},
		}
	}
	for _, test := range []struct {
		name          string
		b             answer.Burst
		largest, more string
	}{
		{"the queue", found(6, 6, 100, 6, 6), "6 connections, the limit of its accept queue (5) and one more.", ""},
		{"more than the queue", found(9, 9, 100, 9, 9), "without a drop: 9 connections. The limit of its accept queue is 5.", ""},
		{"a range", found(12, 25, 100, 12, 14), "between 12 and 25 connections.", "Searches found 12, 14; a burst of 13 had a drop, one of 25 had none. The ACKs of 46 arrived within 5 ms."},
		{"an open range", found(12, 100, 100, 12, 100), "between 12 and 100 connections; larger ones were not tried (--clients).", "a burst of 13 had a drop, one of 100 had none."},
		{"bounded", found(100, 100, 100, 100, 100), "No burst of up to 100 connections had a drop; larger ones were not tried (--clients).", ""},
		{"interrupted", found(40, 9, 100), "So far: 9 connections without a drop, a drop in a burst of 41.", ""},
		{"interrupted before a drop", found(100, 1, 100), "No drop so far, in bursts of up to 1 connection.", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := largest(test.b); !strings.Contains(got, test.largest) {
				t.Errorf("got  %s\nwant %s", got, test.largest)
			}
			if got := rangeReason(test.b); test.more == "" && got != "" || !strings.Contains(got, test.more) {
				t.Errorf("got  %s\nwant %s", got, test.more)
			}
		})
	}
}
