package facts

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/kernel/attach"
	"listenq/internal/queue"
)

// Counters returns which counters this kernel has.
func Counters() []answer.Fact {
	names, err := CounterNames()
	var all []answer.Fact
	for _, c := range queue.CounterTable {
		f := answer.Fact{Name: CounterFact(c.Name), Group: answer.GroupCounters, Meaning: c.Name + ": " + c.Counts, How: "/proc/net/netstat and /proc/net/snmp; kernel source: snmp4_net_list, net/ipv4/proc.c"}
		if err != nil {
			f.UnknownBecause = err.Error()
		} else if f.Value = slices.Contains(names, c.Name); f.Value == false {
			f.Meaning = "This kernel has no " + c.Name + ": " + c.Counts
		}
		all = append(all, f)
	}
	return all
}

// CounterFact names the fact that there is a counter: counter_tcp_req_q_full_drop for
// TcpExtTCPReqQFullDrop.
func CounterFact(nstat string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(nstat, "TcpExt"), "Tcp")
	var b strings.Builder
	b.WriteString("counter_")
	for i, r := range name {
		small := func(at int) bool { return at < len(name) && unicode.IsLower(rune(name[at])) }
		if i > 0 && unicode.IsUpper(r) && (small(i-1) || small(i+1)) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func CounterNames() ([]string, error) {
	r, err := kernel.OpenCounters()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var c queue.Counters
	err = r.Read(&c)
	return c.Names, err
}

// typeFact is a fact that follows from the kernel's types (BTF).
type typeFact struct {
	name, ifTrue, ifFalse string
	tracepoint, argument  string // that it has
	enum, prefix, value   string // or: that it has
	where                 string
}

var typeFacts = []typeFact{
	{name: "kfree_skb_reason", tracepoint: "kfree_skb", argument: "enum skb_drop_reason", where: "trace_kfree_skb, include/trace/events/skb.h",
		ifTrue: "Drop tracers (dropwatch, perf, bpftrace) see why a packet is dropped.", ifFalse: "Drop tracers see that a packet is dropped, and where, but not why."},
	{name: "kfree_skb_socket", tracepoint: "kfree_skb", argument: "struct sock *", where: "trace_kfree_skb, include/trace/events/skb.h",
		ifTrue: "Drop tracers see for which listener a packet was.", ifFalse: "Drop tracers do not see for which listener a packet was."},
	{name: "ack_drop_reason", enum: "skb_drop_reason", prefix: "SKB_DROP_REASON_", value: "TCP_LISTEN_OVERFLOW", where: "tcp_check_req, net/ipv4/tcp_minisocks.c",
		ifTrue: "A final ACK of a request that finds the accept queue full is dropped with a reason of its own.", ifFalse: "A final ACK that finds the accept queue full is dropped with no reason of its own."},
	{name: "send_reset_reason", tracepoint: "tcp_send_reset", argument: "enum sk_rst_reason", where: "trace_tcp_send_reset, include/trace/events/tcp.h",
		ifTrue: "Tracers see why a reset is sent.", ifFalse: "Tracers see that a reset is sent, not why."},
	{name: "abort_reset_reason", enum: "sk_rst_reason", prefix: "SK_RST_REASON_", value: "INVALID_SYN", where: "tcp_check_req, net/ipv4/tcp_minisocks.c",
		ifTrue: "A reset by tcp_abort_on_overflow has the reason INVALID_SYN, as others during a handshake.", ifFalse: "A reset by tcp_abort_on_overflow has no reason."},
}

// Reasons returns which tracepoints have reasons, and on which paths as far as
// types show.
func Reasons() []answer.Fact {
	types, err := attach.LoadTypes()
	var all []answer.Fact
	for _, t := range typeFacts {
		all = append(all, t.fact(types, err))
	}
	const why = "only a tracer can see it. By the sources of Linux 4.9 to 7.2 none does: tcp_rcv_state_process frees a dropped SYN as it does one that was answered"
	all = append(all, answer.Fact{Name: "syn_drop_reason", Group: answer.GroupReasons, How: "not looked for; kernel source: tcp_rcv_state_process, net/ipv4/tcp_input.c",
		Meaning: "Whether drop tracers see a SYN that finds a queue full.", UnknownBecause: why})
	return append(all, answer.Fact{Name: "cookie_ack_drop_reason", Group: answer.GroupReasons, How: "not looked for; kernel source: cookie_v4_check, net/ipv4/syncookies.c",
		Meaning:        "With which reason a final ACK of a SYN cookie that finds the accept queue full is dropped.",
		UnknownBecause: "only a tracer can see it. By the sources of Linux 6.12 to 7.2 it is NO_SOCKET"})
}

func (t typeFact) fact(types *attach.Types, err error) answer.Fact {
	f := answer.Fact{Name: t.name, Group: answer.GroupReasons, How: "the kernel's own types (/sys/kernel/btf/vmlinux): " + t.asked() + "; kernel source: " + t.where, Meaning: t.ifTrue}
	if errors.Is(err, fs.ErrNotExist) {
		f.UnknownBecause = "the kernel was built without its types (CONFIG_DEBUG_INFO_BTF)"
		return f
	}
	var has bool
	if err == nil {
		has, err = t.has(types)
	}
	if err != nil {
		f.UnknownBecause = err.Error()
		return f
	}
	f.Value, f.Meaning = has, Either(has, t.ifTrue, t.ifFalse)
	return f
}

func (t typeFact) asked() string {
	if t.tracepoint != "" {
		return "does tracepoint " + t.tracepoint + " have an argument " + t.argument
	}
	return "does enum " + t.enum + " have " + t.prefix + t.value + "; that this path gives it is from the source"
}

func (t typeFact) has(types *attach.Types) (bool, error) {
	if t.tracepoint == "" {
		values, err := types.Enumerators(t.enum, t.prefix)
		return slices.Contains(values, t.value), err
	}
	arguments, err := types.Arguments(t.tracepoint)
	if err == nil && arguments == nil {
		err = errors.New("the kernel's types do not have tracepoint " + t.tracepoint)
	}
	return slices.Contains(arguments, t.argument), err
}

// Attach returns which eBPF programs this process can attach.
func Attach() []answer.Fact {
	var all []answer.Fact
	for _, r := range attach.Try() {
		f := answer.Fact{Name: "bpf_" + r.Name, Group: answer.GroupEBPF, Meaning: r.Meaning, How: "a program that does nothing was loaded, attached and closed; kernel source: " + r.Source}
		switch {
		case r.Unknown:
			f.UnknownBecause = r.Why
		case r.Works:
			f.Value = true
		default:
			f.Value, f.Meaning = false, "Does not work here: "+r.Why+"."
		}
		all = append(all, f)
	}
	return all
}

// Release is the running kernel's, as in uname -r.
func Release() string { return uname(func(u *unix.Utsname) []byte { return u.Release[:] }) }

// Version is the running kernel's build, as in uname -v: distributions name the
// exact version there.
func Version() string { return uname(func(u *unix.Utsname) []byte { return u.Version[:] }) }

func uname(field func(*unix.Utsname) []byte) string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(field(&name))
}
