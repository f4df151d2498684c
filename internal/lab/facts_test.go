package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/answer"
	"listenq/internal/lab"
	"listenq/internal/lab/facts"
)

var factName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Every fact is known or says why not, and is what others see of this machine.
func TestProbeAll(t *testing.T) {
	k, err := lab.ProbeAll(t.Context())
	if err != nil || len(k.Missing) > 0 {
		t.Fatal(err, k.Missing)
	}
	known := map[string]answer.Fact{}
	for _, f := range k.Facts {
		if _, twice := known[f.Name]; twice || !factName.MatchString(f.Name) {
			t.Errorf("%s: there twice, or no name", f.Name)
		}
		if (f.Value == nil) != (f.UnknownBecause != "") || f.Meaning == "" || f.How == "" || f.Group == "" {
			t.Errorf("%+v: want a value or a reason, and what it means", f)
		}
		known[f.Name] = f
	}
	t.Run("scripts", func(t *testing.T) {
		for _, f := range facts.All() {
			if got := fmt.Sprintf("%T", known[f.Name].Value); got != fmt.Sprintf("%T", f.Zero) {
				t.Errorf("%s is a %s to listenq kernel (unknown because %q), and a %T to scripts", f.Name, got, known[f.Name].UnknownBecause, f.Zero)
			}
		}
	})
	t.Run("counters", func(t *testing.T) { sameCounters(t, known) })
	t.Run("defaults", func(t *testing.T) { sameDefaults(t, known) })
	t.Run("without rights", func(t *testing.T) { sameWithoutRights(t, known) })
}

// sameCounters looks for the names in the files themselves.
func sameCounters(t *testing.T, facts map[string]answer.Fact) {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"/proc/net/netstat", "/proc/net/snmp"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	compared := 0
	for name, f := range facts {
		nstat, _, _ := strings.Cut(strings.TrimPrefix(f.Meaning, "This kernel has no "), ":")
		if !strings.HasPrefix(name, "counter_") {
			continue
		}
		compared++
		short := strings.TrimPrefix(strings.TrimPrefix(nstat, "TcpExt"), "Tcp")
		if there := strings.Contains(text.String(), " "+short+" ") || strings.Contains(text.String(), " "+short+"\n"); f.Value != there {
			t.Errorf("%s is %v, and that /proc/net has %s is %t", name, f.Value, short, there)
		}
	}
	if compared < 10 {
		t.Errorf("%d counters compared", compared)
	}
}

// sameDefaults reads the settings with programs of others in a namespace of their own.
// That of root has no user namespace of its own, where older kernels hide some.
func sameDefaults(t *testing.T, facts map[string]answer.Fact) {
	t.Helper()
	unshare := "-rn"
	if os.Getuid() == 0 {
		unshare = "-n"
	}
	for name, f := range facts {
		short, ok := strings.CutPrefix(name, "default_")
		if !ok {
			continue
		}
		out, err := exec.Command("unshare", unshare, "sh", "-c", "cat /proc/sys/net/core/"+short+" 2>/dev/null || cat /proc/sys/net/ipv4/"+short).Output()
		want := strings.TrimSpace(string(out))
		if err != nil {
			want = "<nil>"
		}
		if got := fmt.Sprint(f.Value); got != want {
			t.Errorf("%s is %s, and a namespace that unshare makes has %s", name, got, want)
		}
	}
}

// sameWithoutRights does with programs of others what the facts say of users without
// rights.
func sameWithoutRights(t *testing.T, facts map[string]answer.Fact) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	for name, script := range map[string]string{
		"unprivileged_owners":         "ls /proc/1/fd",
		"unprivileged_counters":       "grep -q ListenOverflows /proc/net/netstat",
		"unprivileged_other_counters": "cat /proc/1/net/netstat",
		"unprivileged_namespaces":     "unshare -Un true",
	} {
		cmd := exec.Command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "sh", "-c", script)
		cmd.Dir = "/"
		if out, err := cmd.CombinedOutput(); facts[name].Value != (err == nil) {
			t.Errorf("%s is %v, and %q as nobody: %v %s", name, facts[name].Value, script, err, out)
		}
	}
}

// What facts say is seen in other experiments than those that found them out, and is
// not seen where it should not be.
func TestFactsHold(t *testing.T) {
	for name, text := range map[string]string{
		"dropped SYNs": `
sysctl net.ipv4.tcp_syncookies 0
server backlog 1 accept never
connect 2 as a
connect 5 as b
expect listener.drops == 5 * facts.sk_drops_per_syn and delta.ListenOverflows == 5 if accept_full_drops_syn
expect facts.accept_full_syn_rule == "always" if accept_full_drops_syn
expect facts.accept_full_syn_rule != "always" if not accept_full_drops_syn`,
		"dropped final ACKs": `
sysctl net.ipv4.tcp_syncookies 0
server backlog 4 accept never
connect 4 as a
connect 4 as b overlapping
expect listener.drops == 3 * facts.sk_drops_per_ack and delta.ListenOverflows == 3
expect facts.ack_drop_counts_twice == (facts.sk_drops_per_ack == 2)`,
		"dropped ACKs of cookies": `
sysctl net.ipv4.tcp_syncookies 2
server backlog 1 accept never
connect a
connect 4 as b overlapping
expect listener.drops == 3 * facts.sk_drops_per_cookie_ack and delta.SyncookiesRecv == 5`,
		"room in the accept queue": `
sysctl net.ipv4.tcp_syncookies 0
server backlog 5 accept never
connect 6 as a
expect all(a, .outcome == "queued") and listener.drops == 0`,
		"abort without cookies": `
sysctl net.ipv4.tcp_syncookies 0
sysctl net.ipv4.tcp_abort_on_overflow 1
server backlog 3 accept never
connect 3 as a
connect b c overlapping
expect c.outcome == "reset" and c.ended_by == "abort-on-overflow"`,
		"SYN queue by real clients": `
sysctl net.ipv4.tcp_syncookies 0
server backlog 4 accept never
hold syn-ack to client
connect 8 as a
expect listener.syn == facts.syn_queue_of_backlog_4
expect facts.syn_queue_test == ">" or facts.syn_queue_test == ">="`,
		"no reserve without need": `
sysctl net.ipv4.tcp_syncookies 0
sysctl net.ipv4.tcp_max_syn_backlog 4096
server backlog 100 accept never
flood 30 syns at 10000/s
expect listener.syn == 30`,
		"queue of a closed listener without migration": `
server as old port 80 reuseport backlog 10 accept never
connect a to old
server as new port 80 reuseport backlog 10 accept never
close old
expect a.outcome == "reset"`,
		"the third SYN, seen": `
server backlog 1 accept never
hold syn to server
connect c
wait 2.6s
expect c.syn_retransmits == 2 and facts.syn_third_after_s == 2 if syn_retries_linear
expect c.syn_retransmits == 1 and facts.syn_third_after_s == 3 if not syn_retries_linear
wait 900ms
expect c.syn_retransmits == 3 if syn_retries_linear
expect c.syn_retransmits == 2 if not syn_retries_linear`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, run(t, parse(t, "fact", "# Fact."+text+"\n")))
		})
	}
}

// One that a script does not speak of is not probed.
func TestFactsOfAScript(t *testing.T) {
	r := run(t, parse(t, "fact", "# Fact.\nserver backlog 1 accept never\nexpect facts.syn_queue_test == \">\" or facts.syn_queue_test == \">=\"\n"))
	if diff := cmp.Diff([]string{"syn_queue_test"}, keys(r.Facts)); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func keys(facts map[string]any) (names []string) {
	for name := range facts {
		names = append(names, name)
	}
	return names
}
