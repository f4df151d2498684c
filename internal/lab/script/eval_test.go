package script

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// declared is what comes before the expressions of these tests.
const declared = `
server backlog 1 accept never
server as web port 80 backlog 1 accept never
connect c d to server
connect 6 as a to server
exec as out true
`

// observed is what their evaluation knows.
func observed() Env {
	group := []Conn{
		{Name: "a1", Outcome: judge.Accepted, Delay: new(time.Second), DataRetransmits: 1},
		{Name: "a2", Outcome: judge.Accepted, Delay: new(3 * time.Second), DataRetransmits: 2},
		{Name: "a3", Outcome: judge.Queued},
		{Name: "a4", Outcome: judge.Queued},
		{Name: "a5", Outcome: judge.Queued},
		{Name: "a6", Outcome: judge.Queued, Owned: new(false)},
	}
	return Env{
		Conns: map[string]Conn{
			"c": {Name: "c", Outcome: judge.Queued, Cause: judge.ByServer, Handshake: judge.Request,
				ServerState: evidence.CloseWait, Delay: new(1020 * time.Millisecond), ServerRecvQ: new(11),
				ConnectErrno: new(Errno("")), SynRetransmits: 1, ClientTimer: TimerOff},
		},
		Groups: map[string][]Conn{"a": group},
		Listeners: map[string]Listener{
			"server": {Open: true, Accept: new(2), Limit: new(1), Full: new(true)},
		},
		Execs:       map[string]Exec{"out": {Exit: new(0), Output: new("5 requests done\n")}},
		Delta:       map[string]int64{"TcpExtListenOverflows": 3, "TcpOutRsts": 0},
		ClientDelta: map[string]int64{"TcpExtTCPSynRetrans": 2, "IpInReceives": 7},
		Facts:       map[string]any{"accept_full_drops_syn": true, "ehash_entries": 16, "synack_timeout": time.Second, "congestion": "cubic"},
	}
}

func TestEval(t *testing.T) {
	const long = "0123456789"
	tests := []struct {
		expr string
		want Result
	}{
		// Words, numbers, durations, truth.
		{`c.outcome == "queued"`, Result{Pass: true, Got: `c.outcome is "queued"`}},
		{`c.outcome == "half-open" and c.cause == "client"`, Result{Got: `c.outcome is "queued"`}},
		{`c.outcome == "half-open" or c.cause == "client"`, Result{Got: `c.outcome is "queued", c.cause is "server"`}},
		{`c.ended_by == "none" and c.struck == "none" and c.handshake == "request"`,
			Result{Pass: true, Got: `c.ended_by is "none", c.struck is "none", c.handshake is "request"`}},
		{`c.outcome in ["accepted", "queued"]`, Result{Pass: true, Got: `c.outcome is "queued"`}},
		{`c.outcome not in ["accepted", "queued"]`, Result{Got: `c.outcome is "queued"`}},
		{`900ms < c.delay`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`c.delay == 1020ms`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`c.delay == 1.02s`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`between(c.delay, 900ms, 1.2s)`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`between(c.delay, 1.02s, 1.02s)`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`between(c.delay, 1030ms, 2s)`, Result{Got: `c.delay is 1.02s`}},
		{`between(c.server_recv_q, 12, 13)`, Result{Got: `c.server_recv_q is 11`}},
		{`c.delay * 2 > 2s and c.delay + 1s < 3s and 2 * c.delay - 1s > 1s`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`abs(c.delay - 1s) < 50ms`, Result{Pass: true, Got: `c.delay is 1.02s`}},
		{`c.server_recv_q + 1 == 12 and -c.server_recv_q == -11`, Result{Pass: true, Got: `c.server_recv_q is 11`}},
		{`min(c.server_recv_q, 3, 20) == 3 and max(c.delay, 1s) == c.delay`, Result{Pass: true, Got: `c.server_recv_q is 11, c.delay is 1.02s`}},
		{`c.connect_errno == ""`, Result{Pass: true, Got: `c.connect_errno is ""`}},
		{`c.client_timer == "off"`, Result{Pass: true, Got: `c.client_timer is "off"`}},
		{`listener.full and not (listener.accept == listener.limit)`, Result{Pass: true, Got: `listener.full is true, listener.accept is 2, listener.limit is 1`}},
		{`listener.open == true`, Result{Pass: true, Got: `listener.open is true`}},
		{`out.exit == 0 and out.output contains "done"`, Result{Pass: true, Got: `out.exit is 0, out.output is "5 requests done\n"`}},
		{`out.output matches "^[0-9]+ requests" and out.output startsWith "5"`, Result{Pass: true, Got: `out.output is "5 requests done\n"`}},

		// Counters and facts.
		{`delta.ListenOverflows == 3 and delta.OutRsts == 0`, Result{Pass: true, Got: `delta.ListenOverflows is 3, delta.OutRsts is 0`}},
		{`client_delta.TCPSynRetrans > 1 and client_delta.IpInReceives == 7`, Result{Pass: true, Got: `client_delta.TCPSynRetrans is 2, client_delta.IpInReceives is 7`}},
		{`facts.accept_full_drops_syn and facts.ehash_entries > 1`, Result{Pass: true, Got: `facts.accept_full_drops_syn is true, facts.ehash_entries is 16`}},
		{`facts.synack_timeout == 1s and facts.congestion != "reno"`, Result{Pass: true, Got: `facts.synack_timeout is 1s, facts.congestion is "cubic"`}},

		// Unknown values.
		{`c.connect < 1s`, Result{Unknown: true, Got: `c.connect is unknown`}},
		{`not (c.connect < 1s)`, Result{Unknown: true, Got: `c.connect is unknown`}},
		{`c.outcome == "queued" and c.connect < 1s`, Result{Unknown: true, Got: `c.outcome is "queued", c.connect is unknown`}},
		{`c.outcome == "queued" or c.connect < 1s`, Result{Pass: true, Got: `c.outcome is "queued"`}},
		{`c.client_state != "NONE"`, Result{Unknown: true, Got: `c.client_state is unknown`}},
		{`d.outcome == "unknown"`, Result{Unknown: true, Got: `d.outcome is unknown`}},
		{`listener.drops == 0`, Result{Unknown: true, Got: `listener.drops is unknown`}},
		{`not web.open`, Result{Unknown: true, Got: `web.open is unknown`}},
		{`delta.ListenDrops == 0`, Result{Unknown: true, Got: `delta.ListenDrops is unknown`}},
		{`not facts.syn_reserve`, Result{Unknown: true, Got: `facts.syn_reserve is unknown`}},

		// Groups.
		{`all(a, .outcome in ["accepted", "queued"])`, Result{Pass: true, Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more`}},
		{`all(a, .outcome == "accepted")`, Result{Got: `.outcome is "accepted" for a1, a2, "queued" for a3`}},
		{`any(a, .outcome == "reset")`, Result{Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more`}},
		{`none(a, .outcome == "reset") and one(a, .name == "a3") and len(a) == 6`, Result{Pass: true,
			Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more, .name is "a1" for a1, "a2" for a2, "a3" for a3, "a4" for a4, "a5" for a5, "a6" for a6`}},
		{`count(a, .outcome == "queued") == 4`, Result{Pass: true, Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more`}},
		{`count(a, .outcome == "accepted" and .delay > 900ms) == 2`, Result{Pass: true,
			Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more, .delay is 1s for a1, 3s for a2`}},
		{`all(a, .delay > 900ms)`, Result{Unknown: true, Got: `.delay is 1s for a1, 3s for a2, unknown for a3`}},
		{`max(map(filter(a, .outcome == "accepted"), .delay)) == 3s`, Result{Pass: true,
			Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more, .delay is 1s for a1, 3s for a2`}},
		{`max(map(filter(a, .outcome == "reset"), .delay)) == 3s`, Result{Unknown: true, Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more`}},
		{`"queued" in map(a, .outcome)`, Result{Pass: true, Got: `.outcome is "accepted" for a1, a2, "queued" for a3, a4 and 2 more`}},
		{`sum(a, .data_retransmits) == 3`, Result{Pass: true, Got: `.data_retransmits is 1 for a1, 2 for a2, 0 for a3, a4 and 2 more`}},
		{`a2.outcome == "accepted"`, Result{Unknown: true, Got: `a2.outcome is unknown`}},
		{`c.name != "` + strings.Repeat(long, 2) + `"`, Result{Pass: true, Got: `c.name is "c"`}},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			got, err := parseExpression(t, "expect "+tt.expr).That.Eval(observed())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// parseExpression parses an expect line behind what is declared.
func parseExpression(t *testing.T, line string) Expect {
	t.Helper()
	s, err := Parse("test.lab", []byte(declared+line), testFacts)
	if err != nil {
		t.Fatal(err)
	}
	return s.Steps[len(s.Steps)-1].Do.(Expect)
}

func TestEvalCondition(t *testing.T) {
	tests := []struct {
		expr string
		want Result
	}{
		{"accept_full_drops_syn", Result{Pass: true, Got: "accept_full_drops_syn is true"}},
		{"not accept_full_drops_syn and ehash_entries > 1", Result{Got: "accept_full_drops_syn is true"}},
		{"syn_reserve", Result{Unknown: true, Got: "syn_reserve is unknown"}},
		{"not syn_reserve", Result{Unknown: true, Got: "syn_reserve is unknown"}},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			got, err := parseExpression(t, "expect listener.open if "+tt.expr).If.Eval(observed())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEvalCutsLongText(t *testing.T) {
	env := observed()
	env.Execs["out"] = Exec{Output: new(strings.Repeat("é", 1000))}
	got, err := parseExpression(t, `expect out.output == ""`).That.Eval(env)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`out.output is "%s" and 800 characters more`, strings.Repeat("é", 200)); got.Got != want {
		t.Errorf("got %s, want %s", got.Got, want)
	}
}

func TestEvalRefusesFactOfAnotherType(t *testing.T) {
	env := observed()
	env.Facts["accept_full_drops_syn"] = "yes"
	_, err := parseExpression(t, "expect facts.accept_full_drops_syn").That.Eval(env)
	if err == nil || !strings.Contains(err.Error(), "facts.accept_full_drops_syn is a string, not true or false") {
		t.Errorf("got %v", err)
	}
}

// TestEvalOfTheLargest evaluates an expression that is as long as is allowed over
// a group that is as large.
func TestEvalOfTheLargest(t *testing.T) {
	s, err := Parse("test.lab", []byte("server backlog 1 accept never\nconnect 10000 as a\n"+
		"expect "+strings.Repeat("all(a, .syn_retransmits == 0) and ", 20)+"listener.open"), nil)
	if err != nil {
		t.Fatal(err)
	}
	group := make([]Conn, MaxConnections)
	for i := range group {
		group[i].Name = "a" + strconv.Itoa(i+1)
	}
	result, err := s.Steps[2].Do.(Expect).That.Eval(Env{
		Groups:    map[string][]Conn{"a": group},
		Listeners: map[string]Listener{"server": {Open: true}},
	})
	if err != nil || !result.Pass {
		t.Errorf("got %v, %v", result, err)
	}
}

// TestVocabularies compares the words that expressions know with the constants
// of the model.
func TestVocabularies(t *testing.T) {
	types := map[string]reflect.Type{
		"Outcome":    reflect.TypeFor[judge.Outcome](),
		"Cause":      reflect.TypeFor[judge.Cause](),
		"Struck":     reflect.TypeFor[judge.Struck](),
		"Kind":       reflect.TypeFor[judge.Kind](),
		"Confidence": reflect.TypeFor[judge.Confidence](),
		"State":      reflect.TypeFor[evidence.State](),
	}
	want := constants(t, "../../judge/words.go")
	want["State"] = constants(t, "../../evidence/sample.go")["State"]
	want["Struck"] = append(want["Struck"], "none")
	want["Kind"] = append(want["Kind"], "none")
	for name, typ := range types {
		t.Run(name, func(t *testing.T) {
			if len(want[name]) < 3 {
				t.Fatalf("the model has only %q", want[name])
			}
			if diff := cmp.Diff(want[name], vocabularies[typ].words); diff != "" {
				t.Errorf("words (-model +vocabulary):\n%s", diff)
			}
		})
	}
}

// constants returns the values of the string constants of a Go file by their type.
func constants(t *testing.T, path string) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		typ, named := spec.Type.(*ast.Ident)
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if named && ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values[typ.Name] = append(values[typ.Name], value)
		}
		return true
	})
	return values
}

// TestMembers checks the tags from which expressions and the reference are made.
func TestMembers(t *testing.T) {
	for b, members := range memberTables() {
		var names []string
		for _, m := range members {
			if m.name == "" || m.doc == "" {
				t.Errorf("%s: field %d has no expr or doc tag", kind{base: b}, m.index)
			}
			if slices.Contains(names, m.name) {
				t.Errorf("%s: %s is there twice", kind{base: b}, m.name)
			}
			names = append(names, m.name)
			if m.empty != "" && !m.kind.words.has(m.empty) {
				t.Errorf("%s: %s is no word of %s", kind{base: b}, m.empty, m.name)
			}
		}
	}
}

// TestCounterNames checks that no two counters share a name.
func TestCounterNames(t *testing.T) {
	lines := strings.Count(counterList, "\n")
	if lines != len(counterNames()) || lines < 150 {
		t.Errorf("%d counters have %d names", lines, len(counterNames()))
	}
	for short, nstat := range map[string]string{
		"ListenOverflows":  "TcpExtListenOverflows",
		"OutRsts":          "TcpOutRsts",
		"TcpTimeoutRehash": "TcpExtTcpTimeoutRehash",
		"IpExtInOctets":    "IpExtInOctets",
		"IpInReceives":     "IpInReceives",
	} {
		if counterNames()[short] != nstat {
			t.Errorf("%s is %q, want %s", short, counterNames()[short], nstat)
		}
	}
}
