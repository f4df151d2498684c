package record

import (
	"net/netip"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
)

// sampleJSON is one line of samples.jsonl. What is unknown is left out.
type sampleJSON struct {
	T          int64            `json:"t_ns"` // monotonic, since the start
	Time       time.Time        `json:"time"`
	Kernel     string           `json:"kernel,omitempty"`
	Namespaces []namespaceJSON  `json:"namespaces,omitempty"`
	Listeners  []listenerJSON   `json:"listeners,omitempty"`
	Missing    []answer.Missing `json:"missing,omitempty"`
}

// namespaceJSON holds the sysctls if one has changed since the line before, and
// the counters that have moved since: the first line has all.
type namespaceJSON struct {
	ID       uint64            `json:"netns"`
	Name     string            `json:"name,omitempty"`
	Host     bool              `json:"host,omitempty"`
	Sysctls  map[string]string `json:"sysctls,omitempty"`
	Machine  []string          `json:"machine_sysctls,omitempty"`
	Counters map[string]uint64 `json:"counters,omitempty"`
}

type listenerJSON struct {
	Address     netip.AddrPort      `json:"address"`
	Netns       uint64              `json:"netns"`
	Inode       uint32              `json:"inode"`
	Cookie      uint64              `json:"cookie,omitempty"`
	DualStack   bool                `json:"dual_stack,omitempty"`
	UID         uint32              `json:"uid"`
	AcceptLen   int                 `json:"accept_len"`
	AcceptLimit *int                `json:"accept_limit,omitempty"`
	SynLen      *uint64             `json:"syn_len,omitempty"`
	SynAge      answer.Milliseconds `json:"syn_age_ms,omitempty"`
	Drops       *uint64             `json:"drops,omitempty"`
	Waiting     *waitingJSON        `json:"waiting,omitempty"`
	Shared      int                 `json:"shared,omitempty"`
	Processes   []processJSON       `json:"processes,omitempty"`
}

type waitingJSON struct {
	Waits  []answer.Milliseconds `json:"waits_ms,omitempty"`
	Len    int                   `json:"len"`
	Closed int                   `json:"closed,omitempty"`
	Age    answer.Milliseconds   `json:"age_ms,omitempty"`
}

type processJSON struct {
	PID     int          `json:"pid"`
	Name    string       `json:"name"`
	Command []string     `json:"command,omitempty"`
	Cgroup  string       `json:"cgroup,omitempty"`
	Unit    string       `json:"unit,omitempty"`
	State   string       `json:"state,omitempty"`
	Threads []threadJSON `json:"threads,omitempty"`

	Files    *uint64 `json:"files,omitempty"`
	MaxFiles *uint64 `json:"max_files,omitempty"`
}

type threadJSON struct {
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
	Wait  string `json:"wait,omitempty"`
}

// namespaces are those of the line before.
type namespaces map[queue.NetnsID]queue.Namespace

func sampleLine(s *queue.Sample, before namespaces) sampleJSON {
	line := sampleJSON{T: int64(s.T), Time: s.Time, Kernel: s.Kernel}
	for _, n := range s.Namespaces {
		line.Namespaces = append(line.Namespaces, namespaceLine(n, before))
	}
	for i := range s.Listeners {
		line.Listeners = append(line.Listeners, listenerLine(&s.Listeners[i]))
	}
	for _, m := range s.Missing {
		line.Missing = append(line.Missing, answer.Missing{What: m.What, Why: m.Why, Hint: m.Hint})
	}
	return line
}

func namespaceLine(n queue.Namespace, before namespaces) namespaceJSON {
	line := namespaceJSON{ID: uint64(n.ID), Name: n.Name, Host: n.Host, Counters: map[string]uint64{}}
	last, known := before[n.ID]
	if !known || !sameSysctls(last.Sysctls, n.Sysctls) {
		line.Sysctls, line.Machine = n.Sysctls, n.Machine
	}
	for i, name := range n.Counters.Names {
		if then, ok := last.Counters.Get(name); !ok || then != n.Counters.Values[i] {
			line.Counters[name] = n.Counters.Values[i]
		}
	}
	before[n.ID] = n
	return line
}

func sameSysctls(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			return false
		}
	}
	return true
}

func listenerLine(l *queue.Listener) listenerJSON {
	line := listenerJSON{
		Address: l.Address, Netns: uint64(l.Netns), Inode: l.Inode, Cookie: l.Cookie, DualStack: l.DualStack, UID: l.UID,
		AcceptLen: l.AcceptLen, SynLen: known(l.SynLen), SynAge: answer.MS(l.SynAge), Drops: known(l.Drops), Shared: l.Shared,
	}
	if l.AcceptLimit != queue.NoLimit {
		line.AcceptLimit = &l.AcceptLimit
	}
	if w := l.Waiting; w != nil {
		line.Waiting = &waitingJSON{Len: w.Len, Closed: w.Closed, Age: answer.MS(w.Age)}
		for _, wait := range w.Waits {
			line.Waiting.Waits = append(line.Waiting.Waits, answer.MS(wait))
		}
	}
	for _, p := range l.Processes {
		line.Processes = append(line.Processes, processLine(p))
	}
	return line
}

func processLine(p queue.Process) processJSON {
	line := processJSON{PID: p.PID, Name: p.Name, Command: p.Command, Cgroup: p.Cgroup, Unit: p.Unit, State: p.State, Files: known(p.Files), MaxFiles: known(p.MaxFiles)}
	for _, t := range p.Threads {
		line.Threads = append(line.Threads, threadJSON(t))
	}
	return line
}

func known(c queue.Count) *uint64 {
	if !c.Known {
		return nil
	}
	return &c.N
}
