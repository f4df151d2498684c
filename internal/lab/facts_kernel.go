package lab

import (
	"errors"
	"io/fs"
	"slices"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/kernel/attach"
	"listenq/internal/queue"
)

// counted are the counters that tell of listen queues: their names in nstat, the
// names of the facts that there are such, and what they count.
var counted = []struct{ nstat, fact, counts string }{
	{"TcpExtListenOverflows", "counter_listen_overflows", "SYNs, final ACKs and data that found the accept queue full."},
	{"TcpExtListenDrops", "counter_listen_drops", "All that listeners dropped: the same, and what found the SYN queue full or no memory."},
	{"TcpExtTCPReqQFullDrop", "counter_tcp_req_q_full_drop", "SYNs that found the SYN queue full and were dropped: SYN cookies are off."},
	{"TcpExtTCPReqQFullDoCookies", "counter_tcp_req_q_full_do_cookies", "SYNs that found the SYN queue full and were to be answered with a cookie."},
	{"TcpExtSyncookiesSent", "counter_syncookies_sent", "SYN-ACKs with a cookie."},
	{"TcpExtSyncookiesRecv", "counter_syncookies_recv", "Final ACKs with a valid cookie; that there was room is not said."},
	{"TcpExtSyncookiesFailed", "counter_syncookies_failed", "ACKs with an invalid cookie, answered with a reset."},
	{"TcpExtEmbryonicRsts", "counter_embryonic_rsts", "Requests that a reset ended: by the client, or by tcp_abort_on_overflow."},
	{"TcpExtTCPDeferAcceptDrop", "counter_tcp_defer_accept_drop", "Final ACKs without data that TCP_DEFER_ACCEPT ignored."},
	{"TcpExtTCPTimeouts", "counter_tcp_timeouts", "Timers that ran out: SYNs, SYN-ACKs and data not answered in time."},
	{"TcpExtTCPSynRetrans", "counter_tcp_syn_retrans", "SYNs and SYN-ACKs that were sent again."},
	{"TcpExtTCPFastOpenListenOverflow", "counter_tcp_fast_open_listen_overflow", "Fast Open SYNs that found their own queue full."},
	{"TcpExtTCPMigrateReqSuccess", "counter_tcp_migrate_req_success", "Requests and connections that moved from a closed listener to another."},
	{"TcpExtTCPMigrateReqFailure", "counter_tcp_migrate_req_failure", "Those that could not be moved."},
	{"TcpAttemptFails", "counter_attempt_fails", "Attempts to connect that failed on either side; not by a full accept queue."},
	{"TcpOutRsts", "counter_out_rsts", "Resets that were sent."},
}

// counterFacts tell which counters this kernel has.
func counterFacts() []answer.Fact {
	names, err := counterNames()
	var all []answer.Fact
	for _, c := range counted {
		f := answer.Fact{Name: c.fact, Group: answer.GroupCounters, Meaning: c.nstat + ": " + c.counts, How: "/proc/net/netstat and /proc/net/snmp; kernel source: snmp4_net_list, net/ipv4/proc.c"}
		if err != nil {
			f.UnknownBecause = err.Error()
		} else if f.Value = slices.Contains(names, c.nstat); f.Value == false {
			f.Meaning = "This kernel has no " + c.nstat + ": " + c.counts
		}
		all = append(all, f)
	}
	return all
}

func counterNames() ([]string, error) {
	r, err := kernel.OpenCounters()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var c queue.Counters
	err = r.Read(&c)
	return c.Names, err
}

// typeFact is a fact that the kernel's types tell.
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

// reasonFacts tell which tracepoints have reasons, and on which paths as far as
// types can tell.
func reasonFacts() []answer.Fact {
	types, err := attach.LoadTypes()
	var all []answer.Fact
	for _, t := range typeFacts {
		all = append(all, t.fact(types, err))
	}
	const why = "only a tracer can tell. By the sources of Linux 4.9 to 7.2 none does: tcp_rcv_state_process frees a dropped SYN as it does one that was answered"
	all = append(all, answer.Fact{Name: "syn_drop_reason", Group: answer.GroupReasons, How: "not looked for; kernel source: tcp_rcv_state_process, net/ipv4/tcp_input.c",
		Meaning: "Whether drop tracers see a SYN that finds a queue full.", UnknownBecause: why})
	return append(all, answer.Fact{Name: "cookie_ack_drop_reason", Group: answer.GroupReasons, How: "not looked for; kernel source: cookie_v4_check, net/ipv4/syncookies.c",
		Meaning:        "With which reason a final ACK of a SYN cookie that finds the accept queue full is dropped.",
		UnknownBecause: "only a tracer can tell. By the sources of Linux 6.12 to 7.2 it is NO_SOCKET"})
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
	f.Value, f.Meaning = has, either(has, t.ifTrue, t.ifFalse)
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

// attachFacts tell which eBPF programs this process can attach.
func attachFacts() []answer.Fact {
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
