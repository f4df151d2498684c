package lab

import (
	"fmt"
	"slices"
	"testing"

	"listenq/internal/lab/facts"
	"listenq/internal/lab/observe"
	"listenq/internal/queue"
)

// TestCounterTable: the counters that packets are compared by are in the table, and this
// kernel has each that is in it, of those that a kernel of its version has.
func TestCounterTable(t *testing.T) {
	names, err := facts.CounterNames()
	if err != nil {
		t.Fatal(err)
	}
	var now queue.Linux
	if _, err := fmt.Sscanf(facts.Release(), "%d.%d", &now.Major, &now.Minor); err != nil {
		t.Fatal(err)
	}
	for _, c := range queue.CounterTable {
		younger := now.Major < c.Since.Major || now.Major == c.Since.Major && now.Minor < c.Since.Minor
		if !younger && !slices.Contains(names, c.Name) {
			t.Errorf("this kernel has no counter %s", c.Name)
		}
	}
	for _, c := range observe.DeltaColumns {
		if !slices.ContainsFunc(queue.CounterTable, func(k queue.Counter) bool { return k.Name == c.Name }) {
			t.Errorf("%s is not in the table of counters", c.Name)
		}
	}
}

func TestCounterFact(t *testing.T) {
	for nstat, want := range map[string]string{
		"TcpExtTCPReqQFullDrop": "counter_tcp_req_q_full_drop", "TcpOutRsts": "counter_out_rsts",
		"TcpExtIPReversePathFilter": "counter_ip_reverse_path_filter", "TcpExtTCPFastOpenListenOverflow": "counter_tcp_fast_open_listen_overflow",
	} {
		if got := facts.CounterFact(nstat); got != want {
			t.Errorf("%s: %s, want %s", nstat, got, want)
		}
	}
}
