package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/scenarios"
)

// insideFacts is what a sandbox tells of the kernel, or why there was none.
type insideFacts struct {
	done
	outside map[string]string // the settings of done.Defaults where this program runs
	missing []answer.Missing
	err     error
}

// probeFacts finds out facts in namespaces of their own; it leaves out what it
// could not find out. Settings of the machine are written only if ofMachine.
func probeFacts(ctx context.Context, names []string, ofMachine bool) map[string]any {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil || len(names) == 0 {
		return nil
	}
	defer null.Close()
	end, _ := runInside(ctx, job{Name: "facts", Tick: DefaultTick, Started: time.Now(), Facts: names, Machine: ofMachine}, shown{}, nil, null, null)
	return end.Run.Facts
}

// probeInside finds out what namespaces of our own show.
func probeInside(ctx context.Context, ofMachine bool) insideFacts {
	in := insideFacts{outside: readFresh()}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		defer null.Close()
		j := job{Name: "facts", Tick: DefaultTick, Started: time.Now(), Kernel: true, Machine: ofMachine}
		for _, f := range Facts() {
			j.Facts = append(j.Facts, f.Name)
		}
		in.done, err = runInside(ctx, j, shown{}, nil, null, null)
	}
	if err != nil {
		m := answer.Missing{What: "what experiments find out", Why: err.Error()}
		if forbidden, ok := errors.AsType[*sandbox.Forbidden](err); ok {
			m.Hint = forbidden.Way
		}
		in.err, in.missing = err, []answer.Missing{m}
	}
	return in
}

// unknown is why a fact of that name was not found out.
func (in *insideFacts) unknown(name string) string {
	if in.err != nil {
		return in.err.Error()
	}
	i := slices.IndexFunc(in.Run.Missing, func(m answer.Missing) bool { return m.What == name })
	if i < 0 {
		return "the lab did not tell"
	}
	return in.Run.Missing[i].Why
}

// value is what the lab found out; nil if it did not. JSON has made floats of numbers.
func (in *insideFacts) value(name string) any {
	v := in.Run.Facts[name]
	if f, ok := v.(float64); ok && f == math.Trunc(f) {
		return int(f)
	}
	return v
}

// experiments are the facts that probes found out.
func (in *insideFacts) experiments() []answer.Fact {
	var all []answer.Fact
	for _, name := range scenarios.Facts() {
		s := probe(name)
		group := answer.GroupQueues
		if name == linear {
			group = answer.GroupClients
		}
		ifTrue, ifFalse := meanings(s)
		f := in.fact(name, group, howProbed(s))
		f.Meaning = either(f.Value, ifTrue, ifFalse)
		all = append(all, f)
		for _, r := range readings[name] {
			f := in.fact(r.name, group, howProbed(s))
			if f.Meaning = r.title; f.Value != nil {
				f.Meaning = r.meaning(f.Value)
			}
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b answer.Fact) int { return strings.Compare(b.Group, a.Group) }) // queues first
	return append(all, in.schedule())
}

func (in *insideFacts) fact(name, group, how string) answer.Fact {
	f := answer.Fact{Name: name, Group: group, Value: in.value(name), How: how}
	if f.Value == nil {
		f.UnknownBecause = in.unknown(name)
	}
	return f
}

// schedule is when a client sends its SYN again, with the settings of a new
// namespace.
func (in *insideFacts) schedule() answer.Fact {
	f := answer.Fact{Name: "syn_retry_schedule_s", Group: answer.GroupClients,
		Meaning: "When a client whose SYNs are dropped sends them again, and when connect() fails.",
		How:     "computed from syn_retries_linear, net.ipv4.tcp_syn_retries and tcp_syn_linear_timeouts; kernel source: tcp_retransmit_timer and tcp_write_timeout, net/ipv4/tcp_timer.c"}
	isLinear, known := in.value(linear).(bool)
	if !known {
		f.UnknownBecause = in.unknown(linear)
		return f
	}
	pauses, err := 0, error(nil)
	if isLinear {
		pauses, err = in.number("net.ipv4.tcp_syn_linear_timeouts")
	}
	doubling, err2 := in.number("net.ipv4.tcp_syn_retries")
	if err := errors.Join(err, err2); err != nil {
		f.UnknownBecause = err.Error()
		return f
	}
	times, fails := synSchedule(pauses, doubling)
	f.Value = times
	f.Meaning = fmt.Sprintf("A client whose SYNs are dropped sends them again after so many seconds; connect() fails after %d s.", fails)
	return f
}

// number is a setting of a new network namespace.
func (in *insideFacts) number(setting string) (int, error) {
	text, there := in.Defaults[setting]
	if !there {
		return 0, fmt.Errorf("this kernel has no %s in a new network namespace", setting)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s is %q, no number", setting, text)
	}
	return n, nil
}

// synSchedule is when a SYN is sent again, and when the kernel gives up: pauses of a
// second, then pauses that double from a second on, and one more.
func synSchedule(linear, doubling int) (times string, fails int) {
	const longest = 120 // TCP_RTO_MAX
	var all []string
	at := 0
	for i := range linear + doubling + 1 {
		at += min(longest, 1<<min(16, max(0, i-linear)))
		all = append(all, strconv.Itoa(at))
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", "), at
}

// freshSettings are the settings of a new network namespace that are facts, and
// what they mean.
var freshSettings = []struct{ name, meaning string }{
	{somaxconnSetting, "An accept queue's limit is this at most, whatever listen() asks for."},
	{"net.ipv4.tcp_max_syn_backlog", "Matters without SYN cookies alone: its last quarter is for known peers. Set by the size of memory."},
	{"net.ipv4.tcp_syncookies", "0: a SYN that finds the SYN queue full is dropped. 1: it is answered with a cookie. 2: all are."},
	{"net.ipv4.tcp_abort_on_overflow", "0: a final ACK that finds the accept queue full is dropped. 1: it is answered with a reset."},
	{"net.ipv4.tcp_synack_retries", "So often a server sends its SYN-ACK again: 5 take 63 s, then the request is forgotten."},
	{"net.ipv4.tcp_syn_retries", "So often a client sends its SYN again before connect() fails."},
	{"net.ipv4.tcp_syn_linear_timeouts", "So often it does that a second apart, before the pauses double: on top of the others."},
	{"net.ipv4.tcp_migrate_req", "1: what waits at a listener that is closed moves to another of its SO_REUSEPORT group."},
	{"net.ipv4.tcp_child_ehash_entries", "0: sockets are in the table of the parent namespace, which a walk takes long to read."},
}

// readFresh reads them in the calling thread's namespace, which nobody has
// configured yet. One that this kernel does not have is left out.
func readFresh() map[string]string {
	values := map[string]string{}
	for _, s := range freshSettings {
		text, err := os.ReadFile(sysctlPath(s.name))
		if err == nil {
			values[s.name] = strings.TrimSpace(string(text))
		} else if !errors.Is(err, fs.ErrNotExist) {
			values[s.name] = err.Error()
		}
	}
	// Older kernels do not show it in user namespaces (sysctl_core_net_init,
	// net/core/sysctl_net_core.c): then a listener that asks for more shows it.
	if _, shown := values[somaxconnSetting]; !shown {
		limit, err := longestQueue()
		if values[somaxconnSetting] = strconv.Itoa(int(limit)); err != nil {
			values[somaxconnSetting] = err.Error()
		}
	}
	return values
}

const somaxconnSetting = "net.core.somaxconn"

// longestQueue is the limit that a listener gets that asks for the most.
func longestQueue() (limit uint32, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Listen(fd, math.MaxInt32); err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("getsockname: %w", err)
	}
	port := uint16(name.(*unix.SockaddrInet4).Port)
	err = dump(kernel.Request{Family: unix.AF_INET, States: kernel.States(evidence.Listen), LocalPort: port}, func(s *kernel.Socket) bool {
		limit = s.SendQ
		return true
	})
	return limit, err
}

// defaults are the facts of a new namespace, and whether the kernel has its newest
// settings at all.
func (in *insideFacts) defaults() []answer.Fact {
	var all []answer.Fact
	for _, s := range freshSettings {
		short := s.name[strings.LastIndexByte(s.name, '.')+1:]
		f := answer.Fact{Name: "default_" + short, Group: answer.GroupDefaults, Meaning: s.meaning, How: "read " + sysctlPath(s.name) + " in a network namespace just made"}
		if s.name == somaxconnSetting {
			f.How += ", or the limit that a listener gets there that asks for the most"
		}
		text, ok := in.Defaults[s.name]
		n, err := strconv.Atoi(text)
		switch {
		case in.err != nil:
			f.UnknownBecause = in.err.Error()
		case !ok:
			f.UnknownBecause = in.noSuchSetting(s.name)
		case err != nil:
			f.UnknownBecause = text
		default:
			f.Value = n
		}
		all = append(all, f)
	}
	return append(all, in.hasOwnTable())
}

// noSuchSetting is why new namespaces have no setting: it is the machine's, or nobody's.
func (in *insideFacts) noSuchSetting(name string) string {
	if value, has := in.outside[name]; has {
		return "this kernel has it for the whole machine, not for namespaces: it is " + value
	}
	return "this kernel has no such setting"
}

func (in *insideFacts) hasOwnTable() answer.Fact {
	f := answer.Fact{Name: "has_tcp_child_ehash_entries", Group: answer.GroupDefaults,
		How:     "is there /proc/sys/net/ipv4/tcp_child_ehash_entries; kernel source: proc_tcp_child_ehash_entries, net/ipv4/sysctl_net_ipv4.c",
		Meaning: "A namespace can have a small table of sockets of its own (Linux 6.1): experiments look 4 to 7 times faster."}
	if in.err != nil {
		f.UnknownBecause = in.err.Error()
		return f
	}
	_, there := in.Defaults["net.ipv4.tcp_child_ehash_entries"]
	f.Value = there
	f.Meaning = either(there, f.Meaning, "All namespaces share one table of sockets: walks over it take longer, and experiments look less often.")
	return f
}

// unprivileged are the facts that need a namespace with sockets of somebody else in it.
func (in *insideFacts) unprivileged() []answer.Fact {
	if in.err != nil {
		return unknownLooks(in.err)
	}
	return in.Looks
}
