// Package server is the lab's own server: a process of its own, so that
// stopping it is real, that listens with a given backlog and calls accept()
// only when it is ordered to. Serve runs in that process; Control is the
// experiment's end. They speak lines of JSON over two pipes.
//
// It does not start the process: the lab does, without rights and inside the
// server's network namespace.
package server

import "time"

// Mode says when accept() is called.
type Mode string

// The accept policies.
const (
	Never Mode = "never"
	All   Mode = "all"   // as soon as a connection is there
	Every Mode = "every" // one each D
	After Mode = "after" // nothing for D, then all
	Some  Mode = "some"  // the next N, then none
)

// Policy is a Mode with its number or duration.
type Policy struct {
	Mode Mode
	N    int
	D    time.Duration
}

// Config is how to listen.
type Config struct {
	IPv6      bool // takes IPv4, too
	MPTCP     bool
	Port      int // 0: the kernel chooses
	Backlog   int // as given to listen(); the kernel takes a negative one as somaxconn
	Defer     time.Duration
	ReusePort bool
	FastOpen  int // length of the queue of TCP Fast Open; 0: off
	Accept    Policy
	Does      Doing
	Text      string        // of Answer
	After     time.Duration // before Close and Reset
}

// Doing is what becomes of a connection that was accepted.
type Doing string

// The kinds of applications.
const (
	Hold   Doing = "" // data stays in its Recv-Q
	Read   Doing = "read"
	Answer Doing = "answer" // reads, and sends a text for whatever it reads at once
	Close  Doing = "close"  // which resets if data is unread
	Reset  Doing = "reset"  // close() with SO_LINGER 0
)

// Listening says where the server listens.
type Listening struct {
	Port  int
	Inode uint64 // of the listening socket
}

// Accepted is a connection that accept() returned.
type Accepted struct {
	At   int64 // CLOCK_MONOTONIC in nanoseconds
	Peer string
}

// request is one order; exactly one field is set.
type request struct {
	Listen  *Config
	Backlog *int
	Accept  *Policy
	Hand    bool // hand over the listening socket
	Sync    bool // answer when what was accepted has been dealt with
	Close   bool
}

// reply answers one request, or reports an event that nobody asked for.
type reply struct {
	Done      bool
	Listening *Listening
	Accepted  *Accepted
	Error     string // the system call and its errno
}
