package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/job"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/scenarios"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
)

// ProbeAll finds out every fact. What cannot be found out here is unknown, and says
// why. The error is ctx's, or why there were no experiments if nothing else could be
// found out either: *sandbox.Forbidden where namespaces are not allowed.
func ProbeAll(ctx context.Context) (answer.Kernel, error) { return ProbeWith(ctx, false) }

func ProbeWith(ctx context.Context, ofMachine bool) (answer.Kernel, error) {
	outside := make(chan []answer.Fact)
	go func() { outside <- slices.Concat(facts.Counters(), facts.Reasons(), facts.Attach(), facts.Outside()) }()
	inside := probeInside(ctx, ofMachine)
	k := answer.Kernel{Schema: answer.KernelSchema, Kernel: facts.Release(), Version: facts.Version(), Settings: facts.Settings(), Missing: inside.missing}
	k.Facts = slices.Concat(inside.experiments(), inside.defaults(), <-outside, inside.unprivileged())
	known := func(f answer.Fact) bool { return f.Value != nil }
	if err := ctx.Err(); err != nil || slices.ContainsFunc(k.Facts, known) {
		return k, err
	}
	return k, inside.err
}

// KnownFacts probes the facts that scripts speak of and that are true or false,
// once for all of them. What cannot be found out is left to each script's own run,
// which says why.
func KnownFacts(ctx context.Context, scripts []*script.Script, ofMachine bool) map[string]bool {
	var needed []string
	for _, s := range scripts {
		needed = append(needed, facts.Needed(s)...)
	}
	slices.Sort(needed)
	known := map[string]bool{}
	for name, value := range probeFacts(ctx, slices.Compact(needed), ofMachine) {
		if is, ok := value.(bool); ok {
			known[name] = is
		}
	}
	return known
}

// insideFacts is what a sandbox found out about the kernel, or why there was none.
type insideFacts struct {
	job.Done
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
	end, _ := runInside(ctx, job.Job{Name: "facts", Tick: job.DefaultTick, Started: time.Now(), Facts: names, Machine: ofMachine}, job.Files{}, nil, null, null)
	return end.Run.Facts
}

// probeInside finds out what namespaces of our own show.
func probeInside(ctx context.Context, ofMachine bool) insideFacts {
	in := insideFacts{outside: facts.ReadFresh()}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		defer null.Close()
		j := job.Job{Name: "facts", Tick: job.DefaultTick, Started: time.Now(), Kernel: true, Machine: ofMachine}
		for _, f := range facts.All() {
			j.Facts = append(j.Facts, f.Name)
		}
		in.Done, err = runInside(ctx, j, job.Files{}, nil, null, null)
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
		return "the lab did not report it"
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
		s := facts.Probe(name)
		group := answer.GroupQueues
		if name == facts.Linear {
			group = answer.GroupClients
		}
		ifTrue, ifFalse := facts.Meanings(s)
		f := in.fact(name, group, facts.HowProbed(s))
		f.Meaning = facts.Either(f.Value, ifTrue, ifFalse)
		all = append(all, f)
		for _, r := range facts.Readings[name] {
			f := in.fact(r.Name, group, facts.HowProbed(s))
			if f.Meaning = r.Title; f.Value != nil {
				f.Meaning = r.Meaning(f.Value)
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
	isLinear, known := in.value(facts.Linear).(bool)
	if !known {
		f.UnknownBecause = in.unknown(facts.Linear)
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

// defaults are the facts of a new namespace, and whether the kernel has its newest
// settings at all.
func (in *insideFacts) defaults() []answer.Fact {
	var all []answer.Fact
	for _, s := range facts.Fresh {
		short := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
		f := answer.Fact{Name: "default_" + short, Group: answer.GroupDefaults, Meaning: s.Meaning, How: "read " + settings.Path(s.Name) + " in a network namespace just made"}
		if s.Name == facts.Somaxconn {
			f.How += ", or the limit that a listener gets there that asks for the most"
		}
		text, ok := in.Defaults[s.Name]
		n, err := strconv.Atoi(text)
		switch {
		case in.err != nil:
			f.UnknownBecause = in.err.Error()
		case !ok:
			f.UnknownBecause = in.noSuchSetting(s.Name)
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
	f.Meaning = facts.Either(there, f.Meaning, "All namespaces share one table of sockets: walks over it take longer, and experiments look less often.")
	return f
}

// unprivileged are the facts that need a namespace with sockets of somebody else in it.
func (in *insideFacts) unprivileged() []answer.Fact {
	if in.err != nil {
		return facts.UnknownLooks(in.err)
	}
	return in.Looks
}
