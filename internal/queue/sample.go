package queue

import (
	"slices"
	"strconv"
	"time"
)

// Sample is what was seen of a host at one moment.
type Sample struct {
	T          time.Duration // since the start of the observation, by a monotonic clock
	Time       time.Time     // the wall clock at T
	Kernel     string        // uname -r
	Namespaces []Namespace   // those that could be looked at, that of the observer first
	Listeners  []Listener
	Missing    []Missing
}

// Namespace is a network namespace.
type Namespace struct {
	ID       NetnsID
	Name     string            // as far as somebody named it: by `ip netns`, or its first process; empty if not known
	Host     bool              // it is that of PID 1
	Sysctls  map[string]string // by name: "net.core.somaxconn"; what could not be read is left out
	Machine  []string          // of them, those that this kernel has for the whole machine, as before Linux 4.15; sorted
	Counters Counters          // T is the sample's
}

// Somaxconn is net.core.somaxconn, the most that the limit of an accept queue can be after
// listen(); false where it is not known, or n is nil.
func (n *Namespace) Somaxconn() (limit int, known bool) {
	if n == nil {
		return 0, false
	}
	limit, err := strconv.Atoi(n.Sysctls["net.core.somaxconn"])
	return limit, err == nil
}

// Namespace returns the namespace of that ID; nil if it was not looked at.
func (s *Sample) Namespace(id NetnsID) *Namespace {
	for i := range s.Namespaces {
		if s.Namespaces[i].ID == id {
			return &s.Namespaces[i]
		}
	}
	return nil
}

// Missing is something that could not be looked at.
type Missing struct {
	What string
	Why  string
	Hint string // how to get it; empty if there is no way

	Owners bool // it is the processes of listeners: theirs are unknown, those of others are not
}

// Counters are the TCP counters of one network namespace by the names that
// nstat prints ("TcpExtListenOverflows", "TcpInSegs"), as of T.
type Counters struct {
	T      time.Duration // since the start of the observation
	Names  []string      // shared by all samples of one reader; never changed
	Values []uint64      // Values[i] belongs to Names[i]
}

// Get returns the counter of that name; false if this kernel does not have it.
func (c Counters) Get(name string) (uint64, bool) {
	for i, n := range c.Names {
		if n == name {
			return c.Values[i], true
		}
	}
	return 0, false
}

// Since is how far a counter has moved since an earlier reading of the same
// namespace; unknown if one of them does not have it, or it went back.
func (c Counters) Since(before Counters, name string) Count {
	now, ok := c.Get(name)
	then, had := before.Get(name)
	if !ok || !had || now < then {
		return Count{}
	}
	return Known(now - then)
}

// Clone returns a copy that shares nothing which a source writes again: processes and
// sysctls are never changed in place.
func (s *Sample) Clone() Sample {
	c := *s
	c.Namespaces = slices.Clone(s.Namespaces)
	for i := range c.Namespaces {
		c.Namespaces[i].Counters.Values = slices.Clone(c.Namespaces[i].Counters.Values)
	}
	c.Listeners = slices.Clone(s.Listeners)
	for i := range c.Listeners {
		if w := c.Listeners[i].Waiting; w != nil {
			c.Listeners[i].Waiting = &Waiting{Waits: slices.Clone(w.Waits), Len: w.Len, Closed: w.Closed, Age: w.Age}
		}
	}
	c.Missing = slices.Clone(s.Missing)
	return c
}
