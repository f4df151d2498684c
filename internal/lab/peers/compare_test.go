package peers

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// fixtures are what the programs said of a full listener, three connections in
// its queue, one of which has closed, and a fourth client.
var fixtures = map[string]string{"ss": "ss.txt", "netstat": "netstat.txt", "nstat": "nstat.json"}

func fixture(t testing.TB, program string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", fixtures[program]))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func shown(t *testing.T, p Program) table {
	t.Helper()
	shown, err := p.read(fixture(t, p.Name))
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// Whatever field of a real output is another, or missing, is a difference.
func TestEveryFieldCounts(t *testing.T) {
	for _, p := range programs {
		t.Run(p.Name, func(t *testing.T) {
			seen, tried := shown(t, p), 0
			for key, e := range seen {
				for field, value := range e.fields {
					for _, other := range []string{value + "1", ""} {
						if _, clock := clocks[field]; clock || recent[field] && other == "" || other == value {
							continue
						}
						theirs := maps.Clone(seen)
						changed := maps.Clone(e.fields)
						changed[field] = other
						theirs[key] = entry{e.of, changed, e.numeric}
						tried++
						if c := compared(theirs, seen, seen); len(c.Differences) != 1 || c.Differences[0].Field != field {
							if number0(value) && other == "" {
								continue // zero is left out
							}
							t.Errorf("%s %s %q instead of %q: differences %v", e.of, field, other, value, c.Differences)
						}
					}
				}
			}
			if tried < 80 {
				t.Errorf("tried %d changes, want at least 80", tried)
			}
		})
	}
}

func number0(value string) bool { n, err := number(value); return err == nil && n == 0 }

func compared(theirs, before, after table) answer.Observation {
	var c comparison
	c.compare(theirs, before, after)
	return c.Observation
}

func TestCompare(t *testing.T) {
	one := func(fields map[string]string) table { return table{"1": {of: "it", fields: fields}} }
	f := func(value string) map[string]string { return map[string]string{"cwnd": value} }
	nothing := table{}
	tests := []struct {
		name                  string
		theirs, before, after table
		want                  answer.Observation
	}{
		{"the same", one(f("3")), one(f("3")), one(f("3")), answer.Observation{Sockets: 1, Fields: 1}},
		{"between", one(f("4")), one(f("3")), one(f("5")), answer.Observation{Sockets: 1, Fields: 1}},
		{"between, falling", one(f("4")), one(f("5")), one(f("3")), answer.Observation{Sockets: 1, Fields: 1}},
		{"nothing is zero", one(f("")), one(f("0")), one(f("5")), answer.Observation{Sockets: 1, Fields: 1}},
		{"beyond", one(f("6")), one(f("3")), one(f("5")), answer.Observation{Sockets: 1, Fields: 1,
			Differences: []answer.Difference{{Of: "it", Field: "cwnd", Theirs: "6", Ours: "3, then 5"}}}},
		{"words have no between", one(f("b")), one(f("a")), one(f("c")), answer.Observation{Sockets: 1, Fields: 1,
			Differences: []answer.Difference{{Of: "it", Field: "cwnd", Theirs: "b", Ours: "a, then c"}}}},
		{"not a number", one(f("NaN")), one(f("1")), one(f("2")), answer.Observation{Sockets: 1, Fields: 1,
			Differences: []answer.Difference{{Of: "it", Field: "cwnd", Theirs: "NaN", Ours: "1, then 2"}}}},
		{"came meanwhile", one(f("1")), nothing, one(f("1")), answer.Observation{Moved: 1}},
		{"went meanwhile", one(f("1")), one(f("1")), nothing, answer.Observation{Moved: 1}},
		{"went before it was looked for", nothing, one(f("1")), nothing, answer.Observation{}},
		{"theirs alone", one(f("1")), nothing, nothing, answer.Observation{
			Differences: []answer.Difference{{Of: "it", Theirs: "shown", Ours: "not seen"}}}},
		{"ours alone", nothing, one(f("1")), one(f("1")), answer.Observation{
			Differences: []answer.Difference{{Of: "it", Theirs: "not shown", Ours: "seen"}}}},
		{"a word of theirs", one(map[string]string{"cgroup": "x"}), one(f("")), one(f("")), answer.Observation{Sockets: 1, NotCompared: []string{"cgroup"}}},
		{"a clock", one(map[string]string{"expires": "5"}), one(map[string]string{"expires": "4"}), one(map[string]string{"expires": "3"}),
			answer.Observation{Sockets: 1, Fields: 1, Differences: []answer.Difference{{Of: "it", Field: "expires", Theirs: "5", Ours: "4, then 3"}}}},
		{"a clock set anew", one(map[string]string{"expires": "1"}), one(map[string]string{"expires": "3"}), one(map[string]string{"expires": "9"}), answer.Observation{Sockets: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want.Differences == nil {
				tt.want.Differences = []answer.Difference{}
			}
			if diff := cmp.Diff(tt.want, compared(tt.theirs, tt.before, tt.after)); diff != "" {
				t.Errorf("observation (-want +got):\n%s", diff)
			}
		})
	}
}

// Of a listener's limit netstat shows 0, which is known; of anything else it is not.
func TestKnownDifference(t *testing.T) {
	netstat, _ := Named("netstat")
	seen := Look{}
	for _, e := range shown(t, netstat) {
		local, _ := ssAddress(e.fields["local"])
		remote, _ := ssAddress(e.fields["remote"])
		s := kernel.Socket{Local: local, Remote: remote, State: evidence.State(e.fields["state"])}
		recvQ, _ := number(e.fields["recv_q"])
		sendQ, _ := number(e.fields["send_q"])
		if s.RecvQ, s.SendQ = uint32(recvQ), uint32(sendQ); s.State == evidence.Listen {
			s.SendQ = 2
		}
		seen.Sockets = append(seen.Sockets, s)
	}
	agree, err := netstat.Compare(fixture(t, "netstat"), seen, seen)
	if err != nil || agree.Sockets != 9 || agree.Fields != 45 || len(agree.Differences) != 0 || len(agree.Explained) != 2 {
		t.Errorf("%+v, %v; want 9 sockets, 45 fields, no difference, 2 explained", agree, err)
	}
	for i := range seen.Sockets {
		seen.Sockets[i].SendQ += 7
	}
	if differ, _ := netstat.Compare(fixture(t, "netstat"), seen, seen); len(differ.Differences) != 7 || len(differ.Explained) != 2 {
		t.Errorf("%d differences, %d explained, want 7, 2", len(differ.Differences), len(differ.Explained))
	}
}

// Sockets of one address (SO_REUSEPORT) are compared one by one.
func TestOneAddress(t *testing.T) {
	netstat, _ := Named("netstat")
	line := func(n string) string { return "tcp 0 " + n + " 0.0.0.0:80 0.0.0.0:* LISTEN\n" }
	listener := func(accepted uint32) kernel.Socket {
		local, _ := ssAddress("0.0.0.0:80")
		remote, _ := ssAddress("0.0.0.0:*")
		return kernel.Socket{Local: local, Remote: remote, State: evidence.Listen, RecvQ: accepted}
	}
	head := "Proto Recv-Q Send-Q\n"
	seen := Look{Sockets: []kernel.Socket{listener(3), listener(0)}}
	text := head + "tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN\ntcp 3 0 0.0.0.0:80 0.0.0.0:* LISTEN\n"
	if o, err := netstat.Compare(text, seen, seen); err != nil || o.Sockets != 2 || len(o.Differences) != 0 {
		t.Errorf("%+v, %v; want 2 sockets and no difference", o, err)
	}
	if o, _ := netstat.Compare(head+line("0"), seen, seen); len(o.Differences) != 1 {
		t.Errorf("one of two not shown: %+v", o.Differences)
	}
}

func TestCounters(t *testing.T) {
	nstat, _ := Named("nstat")
	look := func(values ...uint64) Look {
		return Look{Counters: queue.Counters{Names: []string{"TcpInSegs", "TcpOutRsts"}, Values: values}}
	}
	o, err := nstat.Compare(`{"kernel":{"TcpInSegs":5,"TcpOutRsts":2,"Ip6InReceives":1,"Ip6InOctets":1}}`, look(4, 1), look(6, 1))
	want := answer.Observation{
		Program: "nstat", Argv: nstat.Argv, Counters: 2, Fields: 2, NotCompared: []string{"Ip6*"},
		Differences: []answer.Difference{{Field: "TcpOutRsts", Theirs: "2", Ours: "1"}},
	}
	if diff := cmp.Diff(want, o); diff != "" || err != nil {
		t.Errorf("error %v; observation (-want +got):\n%s", err, diff)
	}
}
