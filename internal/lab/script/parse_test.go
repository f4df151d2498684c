package script

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// testFacts are the facts that the scripts of these tests know.
var testFacts = []Fact{
	{"accept_full_drops_syn", false, "a SYN that finds the accept queue full is dropped"},
	{"syn_reserve", false, "the last quarter is for known peers"},
	{"synack_timeout", time.Duration(0), "the first time-out of a request"},
	{"ehash_entries", 0, "places in the hash table of sockets"},
	{"congestion", "", "the congestion control"},
	{"has_mptcp", false, "there are sockets of MPTCP"},
	{"has_filters", false, "there are packet filters"},
	{"has_conntrack", false, "there is connection tracking"},
}

// exprText compares expressions by their text.
var exprText = cmp.Transformer("text", func(e *Expr) string {
	if e == nil {
		return ""
	}
	return e.String()
})

func TestParseSteps(t *testing.T) {
	server := "server backlog 1 accept never\n"
	tests := []struct {
		name string
		text string
		want []Action // of the last lines
	}{
		{"sysctl", "sysctl net.ipv4.tcp_rmem 4096 131072 6291456", []Action{Sysctl{Name: "net.ipv4.tcp_rmem", Value: "4096 131072 6291456"}}},
		{"wire both ways", "wire delay 100ms loss 10% duplicate 0.5% seed 7",
			[]Action{Wire{Delay: 100 * time.Millisecond, Loss: 0.1, Duplicate: 0.005, Seed: 7}}},
		{"wire to client", "wire to client delay 1.5s", []Action{Wire{To: ToClient, Delay: 1500 * time.Millisecond, Seed: 1}}},
		{"wire clean", "wire to server clean", []Action{Wire{To: ToServer, Seed: 1}}},
		{"hold before connect", "hold syn-ack to client from b a\n" + server + "connect b\nconnect 2 as a",
			[]Action{
				Hold{FrameSYNACK, ToClient, []string{"b", "a1", "a2"}},
				Server{Name: "server", Port: DefaultPort, Backlog: 1, Accept: Policy{When: Never}},
				Connect{Names: []string{"b"}, Order: OneByOne, To: "server"},
				Connect{Names: []string{"a1", "a2"}, Group: "a", Order: OneByOne, To: "server"},
			}},
		{"release", server + "connect 2 as a\nhold all to server\nrelease a2 a1\nrelease",
			[]Action{Hold{FrameAll, ToServer, nil}, Release{[]string{"a2", "a1"}}, Release{}}},
		{"altered and answered", "wire to server mtu 600\nalter ack to server ack by 1000 from b\nalter data to client timestamp 1m back 1 time\nalter nothing\nanswer syn to server with rst both ways 2 times\nanswer data to client with nothing 1 time from b\nanswer nothing\nroute to client none\nroute to client again\n" + server + "connect b",
			[]Action{
				Wire{To: ToServer, MTU: 600, Seed: 1},
				Alter{Kind: FrameACK, To: ToServer, Change: ChangeAck, N: 1000, From: []string{"b"}},
				Alter{Kind: FrameData, To: ToClient, Change: ChangeTimestamp, D: time.Minute, Times: 1},
				Alter{},
				Answer{Kind: FrameSYN, To: ToServer, With: FrameRST, Both: true, Times: 2},
				Answer{Kind: FrameData, To: ToClient, Times: 1, From: []string{"b"}},
				Answer{},
				Route{Lost: true}, Route{},
				Server{Name: "server", Port: DefaultPort, Backlog: 1, Accept: Policy{When: Never}},
				Connect{Names: []string{"b"}, Order: OneByOne, To: "server"},
			}},
		{"applications", "server as x port 80 later backlog 1 accept all answer 'ok'\nserver as y port 81 backlog 1 accept all reset after 1s\nlisten backlog 3 on x\nconnect a to x\nclose a\nconnect b reusing a to x\nflood 3 syns at 1/s from client to x",
			[]Action{
				Server{Name: "x", Port: 80, Backlog: 1, Accept: Policy{When: All}, Later: true, Application: Application{Does: Answers, Text: "ok"}},
				Server{Name: "y", Port: 81, Backlog: 1, Accept: Policy{When: All}, Application: Application{Does: Resets, After: time.Second}},
				Listen{3, "x"},
				Connect{Names: []string{"a"}, Order: OneByOne, To: "x"},
				Close{Names: []string{"a"}},
				Connect{Names: []string{"b"}, Order: OneByOne, Reuse: "a", To: "x"},
				Flood{From: Client, Count: 3, Rate: 1, To: "x"},
			}},
		{"filters", "filter as f to server drop syn above 2/s burst 1 from a\nfilter as g to client reject data 12.5%\nfilter as h to server drop syn above 3 connections\nfilter as i to server drop invalid one in 3\n" + server + "connect 2 as a\nfilter as s at socket of server drop ack from a2\nlift f s",
			[]Action{
				Filter{Name: "f", To: ToServer, Kind: FrameSYN, Rate: 2, Burst: 1, From: []string{"a1", "a2"}},
				Filter{Name: "g", To: ToClient, Kind: FrameData, Reject: true, Chance: 0.125},
				Filter{Name: "h", To: ToServer, Kind: FrameSYN, Connections: 3},
				Filter{Name: "i", To: ToServer, Kind: FrameInvalid, OneIn: 3},
				Server{Name: "server", Port: DefaultPort, Backlog: 1, Accept: Policy{When: Never}},
				Connect{Names: []string{"a1", "a2"}, Group: "a", Order: OneByOne, To: "server"},
				Filter{Name: "s", Socket: "server", Kind: FrameACK, From: []string{"a2"}},
				Lift{[]string{"f", "s"}},
			}},
		{"server in full", "server as web port 80 defer 3s reuseport fastopen 16 backlog -1 accept every 20ms read",
			[]Action{Server{"web", 80, -1, 3 * time.Second, true, 16, false, false, Policy{When: Every, D: 20 * time.Millisecond}, false, Application{Does: Reads}}}},
		{"server exec", "server as web port 80 within 3s exec nginx -c 'a b' # not a word",
			[]Action{ServerExec{"web", 80, 3 * time.Second, []string{"nginx", "-c", "a b"}}}},
		{"server exec finds its port", "server exec redis-server", []Action{ServerExec{"server", 0, 10 * time.Second, []string{"redis-server"}}}},
		{"accept and listen", server + "accept 2\naccept after 1s on server\nlisten backlog 0",
			[]Action{Accept{Policy{When: Some, N: 2}, "server"}, Accept{Policy{When: After, D: time.Second}, "server"}, Listen{0, "server"}}},
		{"setting of some kernels", "sysctl may fail net.ipv4.tcp_migrate_req 1", []Action{Sysctl{"net.ipv4.tcp_migrate_req", "1", true}}},
		{"busy moment", server + "stop for 300ms", []Action{Stop{"server", 300 * time.Millisecond}}},
		{"sockets of other kinds", "server dualstack mptcp backlog 1 accept never\nconnect c mptcp\nconnect d fastopen 'GET /' asking more", []Action{
			Server{Name: "server", Port: DefaultPort, Backlog: 1, MPTCP: true, DualStack: true, Accept: Policy{When: Never}},
			Connect{Names: []string{"c"}, Order: OneByOne, MPTCP: true, To: "server"},
			Connect{Names: []string{"d"}, Order: OneByOne, Text: "GET /", Ask: "more", To: "server"}}},
		{"signals", server + "stop\ncontinue server", []Action{Stop{Server: "server"}, Continue{"server"}}},
		{"connect with options", server + "connect b c overlapping giving up after 2s to server",
			[]Action{Connect{Names: []string{"b", "c"}, Order: Overlapping, GiveUp: 2 * time.Second, To: "server"}}},
		{"connect spaced", server + "connect 2 as a every 1ms", []Action{Connect{Names: []string{"a1", "a2"}, Group: "a", Order: Spaced, Gap: time.Millisecond, To: "server"}}},
		{"connect to one of two", "server as x port 1 backlog 1 accept all\nserver as y port 2 backlog 1 accept all\nconnect c to y",
			[]Action{Connect{Names: []string{"c"}, Order: OneByOne, To: "y"}}},
		{"reuseport members share their port", "server as x reuseport backlog 1 accept all\nserver as y reuseport backlog 1 accept all\nconnect c",
			[]Action{Connect{Names: []string{"c"}, Order: OneByOne, To: "x"}}},
		{"sends", server + "connect 2 as a\nsend a \"x\\n\\\"\"\nsend a1 a2 10 bytes\nsend a1 'raw \\n'",
			[]Action{Send{Names: []string{"a1", "a2"}, Text: "x\n\""}, Send{Names: []string{"a1", "a2"}, Size: 10}, Send{Names: []string{"a1"}, Text: `raw \n`}}},
		{"ends", server + "connect a b c\nshutdown a\nclose a b server\nreset c",
			[]Action{Shutdown{[]string{"a"}}, Close{[]string{"a", "b"}, []string{"server"}}, Reset{[]string{"c"}}}},
		{"exec", server + "exec as out may fail at most 5s ab -n 1 http://{address}/ # load",
			[]Action{ClientExec{"out", true, 5 * time.Second, []string{"ab", "-n", "1", "http://{address}/"}, "server"}}},
		{"exec without a server", "exec true", []Action{ClientExec{AtMost: time.Minute, Command: []string{"true"}}}},
		{"flood", server + "flood 1000 syns at 500/s", []Action{Flood{Count: 1000, Rate: 500, To: "server"}}},
		{"flood in background", server + "flood 10 syns at 5/s to server in background", []Action{Flood{Count: 10, Rate: 5, To: "server", Background: true}}},
		{"observe", "observe\nobserve nstat ss", []Action{Observe{[]string{"ss", "netstat", "nstat"}}, Observe{[]string{"nstat", "ss"}}}},
		{"wait", "wait 1.5s", []Action{Wait{1500 * time.Millisecond}}},
		{"wait until", server + "wait until listener.accept == 1 at most 2s # please",
			[]Action{WaitUntil{expression("listener.accept == 1"), 2 * time.Second}}},
		{"expect", server + `expect listener.full if accept_full_drops_syn from source`,
			[]Action{Expect{expression("listener.full"), expression("accept_full_drops_syn"), true}}},
		{"expect a # in quotes", server + `connect c` + "\n" + `expect c.name != "a #b"  # or so`,
			[]Action{Expect{That: expression(`c.name != "a #b"`)}}},
		{"name as variable", "server as web backlog 1 accept never\nexpect web.open",
			[]Action{Expect{That: expression("web.open")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("test.lab", []byte(tt.text), testFacts)
			if err != nil {
				t.Fatal(err)
			}
			var got []Action
			for _, step := range s.Steps[max(0, len(s.Steps)-len(tt.want)):] {
				got = append(got, step.Do)
			}
			if diff := cmp.Diff(tt.want, got, exprText); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	for _, tt := range []struct {
		name string
		send Send
		want string
	}{
		{"text", Send{Text: "a\x00b"}, "a\x00b"},
		{"size", Send{Size: 4}, "xxxx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.send.Payload()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ name, address, want string }{
		{"IPv4", "192.0.2.2:80", "x 192.0.2.2 80 http://192.0.2.2:80/ {other}"},
		{"IPv6", "[2001:db8::2]:80", "x 2001:db8::2 80 http://[2001:db8::2]:80/ {other}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Expand([]string{"x", "{host}", "{port}", "http://{address}/", "{other}"}, netip.MustParseAddrPort(tt.address))
			if diff := cmp.Diff(strings.Fields(tt.want), got); diff != "" {
				t.Errorf("words (-want +got):\n%s", diff)
			}
		})
	}
}

// expression stands for an Expr of that text.
func expression(text string) *Expr { return &Expr{text: text} }

func TestParseHeader(t *testing.T) {
	text := `# A title.
#
# Some text
# in two lines: with a colon.
#
# Another paragraph.
# Source: the article (a), https://example.org/a
# Takes: 64s

network loopback ipv6
# a comment of a step
server backlog 1 accept never # at the end
`
	s, err := Parse("a1.lab", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Script{
		Name:    "a1.lab",
		Title:   "A title.",
		Doc:     "Some text\nin two lines: with a colon.\n\nAnother paragraph.",
		Source:  "the article (a), https://example.org/a",
		Takes:   64 * time.Second,
		Network: Network{Loopback: true, IPv6: true},
		Steps: []Step{{Line: 12, Text: "server backlog 1 accept never",
			Do: Server{Name: "server", Port: DefaultPort, Backlog: 1, Accept: Policy{When: Never}}}},
		Text: []byte(text),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	if got := Title([]byte(text)); got != want.Title {
		t.Errorf("Title is %q, that of Parse %q", got, want.Title)
	}
}

func TestParseReadsCRLF(t *testing.T) {
	s, err := Parse("a.lab", []byte("# Title\r\nserver backlog 1 accept never\r\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Title != "Title" || len(s.Steps) != 1 {
		t.Errorf("got title %q and %d steps", s.Title, len(s.Steps))
	}
}

// TestErrors compares what Parse says of each wrong script with the golden file.
func TestErrors(t *testing.T) {
	const golden = "testdata/errors.golden"
	var b strings.Builder
	for _, tt := range wrongScripts {
		_, err := Parse("b2.lab", []byte(tt.text), testFacts)
		var errs Errors
		if !errors.As(err, &errs) {
			t.Errorf("%s: got %v, want errors", tt.name, err)
			continue
		}
		b.WriteString("== " + tt.name + "\n" + errs.Error() + "\n\n")
	}
	compareGolden(t, golden, b.String())
}

// compareGolden compares with a golden file, which -update writes.
func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
