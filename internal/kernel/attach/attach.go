// Package attach tries which eBPF programs the running kernel takes, and where
// it lets them be attached. A version number does not say: it depends on how the
// kernel was built, on rights, on what is mounted, on lockdown.
//
//	for _, r := range attach.Try() {
//		fmt.Println(r.Name, r.Works, r.Why)
//	}
//
// Each trial loads a program that does nothing, attaches it where a tracer of
// listen queues would, and closes it at once. Nothing is pinned and nothing is
// left; for that moment the kernel calls two instructions more.
package attach

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Result says whether one kind of program can be loaded and attached by the
// calling process.
type Result struct {
	Name    string // in the words of libbpf: fentry, tp_btf, iter_tcp
	Meaning string // what it would be good for
	Source  string // of the kernel: file and function that decide
	Works   bool
	Unknown bool   // the caller may not try it; what root could do is not known
	Why     string // why it does not work, or is not known; empty if it works
}

// trial is a kind of program and how it is tried.
type trial struct {
	name, meaning, source string
	rights                []int  // the capabilities that it takes
	needs                 string // the kernel options without which it does not work
	try                   func() error
}

// What the programs are attached to. Both are there from Linux 5.10 on, under
// these names, and are called seldom: for a SYN to a listener, for a reset.
const (
	function   = "tcp_conn_request"
	tracepoint = "tcp_send_reset"
)

var (
	forAny     = []int{unix.CAP_BPF}
	forTracing = []int{unix.CAP_BPF, unix.CAP_PERFMON}
	forCgroups = []int{unix.CAP_BPF, unix.CAP_NET_ADMIN}
)

const (
	withTrampolines = "CONFIG_FUNCTION_TRACER, CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS and CONFIG_DEBUG_INFO_BTF"
	withCgroups     = "CONFIG_CGROUP_BPF"
)

// trials are made by a function, not a variable: nothing of it is done at start-up.
func trials() []trial {
	return []trial{
		{"load", "bpf() works: a program can be loaded.",
			"bpf_prog_load, kernel/bpf/syscall.c", forAny, "CONFIG_BPF_SYSCALL", load},
		{"ringbuf", "Programs can hand over events in order, through one buffer for all CPUs.",
			"ringbuf_map_alloc, kernel/bpf/ringbuf.c", forAny, "Linux 5.8", ringbuf},
		{"tp_btf", "Tracepoints with typed arguments: drops and resets with their reason and socket.",
			"bpf_raw_tp_link_attach, kernel/bpf/syscall.c", forTracing, "CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF", typedTracepoint},
		{"raw_tp", "Tracepoints with bare arguments, where the kernel has no BTF.",
			"bpf_raw_tp_link_attach, kernel/bpf/syscall.c", forTracing, "CONFIG_BPF_EVENTS", rawTracepoint},
		{"tracepoint", "Tracepoints by tracefs, as perf and bpftrace use them.",
			"perf_event_set_bpf_prog, kernel/events/core.c", forTracing, "CONFIG_BPF_EVENTS", perfTracepoint},
		{"fentry", "The start of a kernel function, with its arguments.",
			"bpf_tracing_prog_attach, kernel/bpf/syscall.c", forTracing, withTrampolines, tracing(ebpf.AttachTraceFEntry)},
		{"fexit", "The end of a kernel function, with its result: it shows which SYN was dropped.",
			"bpf_tracing_prog_attach, kernel/bpf/syscall.c", forTracing, withTrampolines, tracing(ebpf.AttachTraceFExit)},
		{"kprobe", "Any kernel function, at more cost, also without BTF.",
			"perf_kprobe_init, kernel/trace/trace_event_perf.c", forTracing, "CONFIG_KPROBE_EVENTS", kprobe},
		{"kprobe_multi", "Many kernel functions with one program.",
			"bpf_kprobe_multi_link_attach, kernel/trace/bpf_trace.c", forTracing, "CONFIG_FPROBE and Linux 5.18", kprobeMulti},
		{"iter_task_file", "The open files of all processes in one read: who has a listener open.",
			"bpf_iter_link_attach, kernel/bpf/bpf_iter.c; kernel/bpf/task_iter.c", forTracing, "CONFIG_DEBUG_INFO_BTF", iterate("task_file")},
		{"iter_tcp", "All TCP sockets and requests with their kernel structures: the length of each SYN queue.",
			"bpf_iter_link_attach, kernel/bpf/bpf_iter.c; bpf_iter_init_tcp, net/ipv4/tcp_ipv4.c", forTracing, "CONFIG_DEBUG_INFO_BTF and Linux 5.9", iterate("tcp")},
		{"cgroup_skb", "Packets for the sockets of a cgroup, before their listener decides on them.",
			"cgroup_bpf_link_attach, kernel/bpf/cgroup.c", forCgroups, withCgroups, onCgroup(ebpf.CGroupSKB, ebpf.AttachCGroupInetIngress)},
		{"sock_ops", "What TCP does for the sockets of a cgroup: connected, sent again, closed.",
			"cgroup_bpf_link_attach, kernel/bpf/cgroup.c", forCgroups, withCgroups, onCgroup(ebpf.SockOps, ebpf.AttachCGroupSockOps)},
	}
}

// Try tries all of them, one after the other.
func Try() []Result {
	defer lockMemory()()
	var all []Result
	for _, t := range trials() {
		all = append(all, t.result(t.try(), self()))
	}
	return all
}

// result is what became of a trial by that process.
func (t trial) result(err error, p process) Result {
	r := Result{Name: t.name, Meaning: t.meaning, Source: t.source, Works: err == nil}
	if err != nil {
		r.Why = explain(t, err, p)
		r.Unknown = denied(err) && (p.userns || !p.mayAll(t.rights))
	}
	return r
}

// lockMemory lifts RLIMIT_MEMLOCK, which counts programs and maps up to Linux
// 5.10, as far as this process may; it returns what sets it back.
func lockMemory() func() {
	var before unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before) != nil {
		return func() {}
	}
	most := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if unix.Setrlimit(unix.RLIMIT_MEMLOCK, &most) != nil {
		return func() {}
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before) } // lower is always allowed
}

// program loads one that does nothing. It returns 1: that lets a packet pass at a
// cgroup, and means nothing elsewhere (the verifier of some wants 0).
func program(spec ebpf.ProgramSpec, result int32) (*ebpf.Program, error) {
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, result), asm.Return()}
	spec.License = "Dual BSD/GPL"
	return ebpf.NewProgramWithOptions(&spec, ebpf.ProgramOptions{LogDisabled: true})
}

// attached loads a program, attaches it and takes it away again.
func attached(spec ebpf.ProgramSpec, result int32, attach func(*ebpf.Program) (link.Link, error)) error {
	p, err := program(spec, result)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer p.Close()
	l, err := attach(p)
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	return l.Close()
}

func load() error {
	p, err := program(ebpf.ProgramSpec{Type: ebpf.SocketFilter}, 0)
	if err != nil {
		return err
	}
	return p.Close()
}

func ringbuf() error {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(unix.Getpagesize())})
	if err != nil {
		return err
	}
	return m.Close()
}

func typedTracepoint() error {
	return attached(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: tracepoint}, 0, attachTracing)
}

func attachTracing(p *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: p})
}

func rawTracepoint() error {
	return attached(ebpf.ProgramSpec{Type: ebpf.RawTracepoint}, 0, func(p *ebpf.Program) (link.Link, error) {
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: tracepoint, Program: p})
	})
}

func perfTracepoint() error {
	if !anyExists("/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events") {
		return errNoTracefs
	}
	return attached(ebpf.ProgramSpec{Type: ebpf.TracePoint}, 0, func(p *ebpf.Program) (link.Link, error) {
		return link.Tracepoint("tcp", tracepoint, p, nil)
	})
}

func tracing(at ebpf.AttachType) func() error {
	return func() error {
		return attached(ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: at, AttachTo: function}, 0, attachTracing)
	}
}

func kprobe() error {
	if !anyExists("/sys/bus/event_source/devices/kprobe") { // since 4.17; without it the library would write to tracefs
		return ebpf.ErrNotSupported
	}
	return attached(ebpf.ProgramSpec{Type: ebpf.Kprobe}, 0, func(p *ebpf.Program) (link.Link, error) {
		return link.Kprobe(function, p, nil)
	})
}

func kprobeMulti() error {
	spec := ebpf.ProgramSpec{Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceKprobeMulti}
	return attached(spec, 0, func(p *ebpf.Program) (link.Link, error) {
		return link.KprobeMulti(p, link.KprobeMultiOptions{Symbols: []string{function}})
	})
}

func iterate(over string) func() error {
	return func() error {
		spec := ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceIter, AttachTo: over}
		return attached(spec, 0, func(p *ebpf.Program) (link.Link, error) {
			return link.AttachIter(link.IterOptions{Program: p})
		})
	}
}

func onCgroup(kind ebpf.ProgramType, at ebpf.AttachType) func() error {
	return func() error {
		path, err := ownCgroup()
		if err != nil {
			return err
		}
		return attached(ebpf.ProgramSpec{Type: kind, AttachType: at}, 1, func(p *ebpf.Program) (link.Link, error) {
			return link.AttachCgroup(link.CgroupOptions{Path: path, Attach: at, Program: p})
		})
	}
}
