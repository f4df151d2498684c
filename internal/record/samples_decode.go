package record

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
)

// decoder reads the lines of samples.jsonl one after the other.
type decoder struct {
	before   namespaces
	counters int // how many values more it takes
	memory   int // how many bytes more
}

// sample reads a line, which errors call by that name.
func (d *decoder) sample(text []byte, name string) (queue.Sample, error) {
	var line sampleJSON
	if err := answer.DecodeVerbatim(text, name, &line); err != nil {
		return queue.Sample{}, err
	}
	s, err := d.take(&line)
	if err != nil {
		return queue.Sample{}, fmt.Errorf("read %s: %w", name, err)
	}
	return s, nil
}

func (d *decoder) take(line *sampleJSON) (queue.Sample, error) {
	switch {
	case len(line.Listeners) > maxListeners:
		return queue.Sample{}, fmt.Errorf("more than %d listeners in one sample", maxListeners)
	case len(line.Namespaces) > maxSpaces:
		return queue.Sample{}, fmt.Errorf("more than %d network namespaces in one sample", maxSpaces)
	}
	if d.memory -= line.size(); d.memory < 0 {
		return queue.Sample{}, fmt.Errorf("the recording takes more than %d MiB of memory", maxKept>>20)
	}
	s := queue.Sample{T: time.Duration(line.T), Time: line.Time, Kernel: line.Kernel}
	for _, n := range line.Namespaces {
		namespace, err := d.namespace(s.T, n)
		if err != nil {
			return queue.Sample{}, err
		}
		s.Namespaces = append(s.Namespaces, namespace)
	}
	for _, l := range line.Listeners {
		listener, err := l.listener()
		if err != nil {
			return queue.Sample{}, err
		}
		s.Listeners = append(s.Listeners, listener)
	}
	for _, m := range line.Missing {
		s.Missing = append(s.Missing, queue.Missing{What: m.What, Why: m.Why, Hint: m.Hint})
	}
	return s, nil
}

func (d *decoder) namespace(t time.Duration, line namespaceJSON) (queue.Namespace, error) {
	last := d.before[queue.NetnsID(line.ID)]
	n := queue.Namespace{ID: queue.NetnsID(line.ID), Name: line.Name, Host: line.Host, Sysctls: last.Sysctls, Machine: last.Machine, Counters: last.Counters}
	if line.Sysctls != nil {
		n.Sysctls, n.Machine = line.Sysctls, line.Machine
	}
	n.Counters.T = t
	if len(line.Counters) > 0 {
		const name = 3 // as large as so many values; they are shared with the line before if there is no new one
		d.counters -= len(last.Counters.Values) + len(line.Counters)
		if hasNew(line.Counters, last.Counters) {
			d.counters -= name * len(last.Counters.Names)
		}
		if d.counters < 0 {
			return queue.Namespace{}, errors.New("more counters than a host has")
		}
		n.Counters = moveCounters(n.Counters, line.Counters)
	}
	if len(n.Counters.Names) > maxNames {
		return queue.Namespace{}, fmt.Errorf("more than %d counters of one network namespace", maxNames)
	}
	d.before[n.ID] = n
	return n, nil
}

func hasNew(now map[string]uint64, last queue.Counters) bool {
	if len(now) > len(last.Names) {
		return true
	}
	left := len(now)
	for _, name := range last.Names {
		if _, ok := now[name]; ok {
			left--
		}
	}
	return left > 0
}

// moveCounters returns the counters with new values; the given ones stay as they are.
func moveCounters(c queue.Counters, now map[string]uint64) queue.Counters {
	c.Values = slices.Clone(c.Values)
	left := maps.Clone(now)
	for i, name := range c.Names {
		if v, ok := left[name]; ok {
			c.Values[i] = v
			delete(left, name)
		}
	}
	if len(left) > 0 {
		c.Names = slices.Clone(c.Names) // shared with the samples before
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		c.Names, c.Values = append(c.Names, name), append(c.Values, left[name])
	}
	return c
}

func (line listenerJSON) listener() (queue.Listener, error) {
	l := queue.Listener{
		Address: line.Address, Netns: queue.NetnsID(line.Netns), Inode: line.Inode, Cookie: line.Cookie, DualStack: line.DualStack,
		UID: line.UID, AcceptLen: line.AcceptLen, AcceptLimit: queue.NoLimit, SynLen: count(line.SynLen),
		SynAge: line.SynAge.Duration(), Drops: count(line.Drops), Shared: line.Shared,
	}
	if !line.Address.IsValid() {
		return queue.Listener{}, errors.New("a listener without an address")
	}
	if line.AcceptLimit != nil {
		l.AcceptLimit = *line.AcceptLimit
	}
	if l.AcceptLen < 0 || line.AcceptLimit != nil && l.AcceptLimit < 0 || l.Shared < 0 {
		return queue.Listener{}, errors.New("a length below 0")
	}
	if w := line.Waiting; w != nil {
		l.Waiting = &queue.Waiting{Len: w.Len, Closed: w.Closed, Age: w.Age.Duration()}
		for _, wait := range w.Waits {
			l.Waiting.Waits = append(l.Waiting.Waits, wait.Duration())
		}
		slices.SortFunc(l.Waiting.Waits, func(a, b time.Duration) int { return cmp.Compare(b, a) })
	}
	for _, p := range line.Processes {
		l.Processes = append(l.Processes, p.process())
	}
	return l, nil
}

func (line processJSON) process() queue.Process {
	p := queue.Process{PID: line.PID, Name: line.Name, Command: line.Command, Cgroup: line.Cgroup, Unit: line.Unit, State: line.State, Files: count(line.Files), MaxFiles: count(line.MaxFiles)}
	for _, t := range line.Threads {
		p.Threads = append(p.Threads, queue.Thread(t))
	}
	return p
}

func count(n *uint64) queue.Count {
	if n == nil {
		return queue.Count{}
	}
	return queue.Known(*n)
}
