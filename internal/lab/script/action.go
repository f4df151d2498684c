package script

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Action is what a step does: one of the types of this file.
type Action interface{ action() }

// Sysctl sets a kernel setting in the namespaces of both sides.
type Sysctl struct {
	Name    string // such as net.ipv4.tcp_syncookies; always within net
	Value   string // several values are separated by a space
	MayFail bool   // nothing happens if the kernel has no such setting
}

// Direction is a way across the wire. The zero Direction is both ways.
type Direction uint8

// The two ways.
const (
	ToServer Direction = iota + 1
	ToClient
)

// Wire says how frames cross the wire from now on. It replaces what was said
// for that direction before; the zero values are a clean wire.
type Wire struct {
	To        Direction
	Delay     time.Duration
	Loss      float64 // 0 to 1
	Duplicate float64 // 0 to 1
	MTU       int     // bytes of a packet, from the IP header on: larger ones are lost without a word; 0: no limit
	Seed      uint64  // of the generator that decides on loss and duplicates; 1 if the step names none
}

// FrameKind is a kind of TCP segment that can be held on the wire.
type FrameKind string

// The kinds. An ack has ACK set, no SYN, FIN or RST, and no data.
const (
	FrameSYN    FrameKind = "syn"
	FrameSYNACK FrameKind = "syn-ack"
	FrameACK    FrameKind = "ack"
	FrameData   FrameKind = "data"
	FrameFIN    FrameKind = "fin"
	FrameRST    FrameKind = "rst"
	FrameAll    FrameKind = "all"
)

// Hold keeps matching frames on the wire until a Release.
type Hold struct {
	Kind FrameKind
	To   Direction // one of the two ways
	From []string  // of these connections only; nil: of all
}

// Release lets held frames go: those of the named connections, in the order of
// the names; without names all of them, in the order they came, and the holds end.
type Release struct {
	Names []string
}

// When says when a server calls accept().
type When string

// The moments.
const (
	Never When = "never"
	All   When = "all"   // as soon as a connection is there
	Every When = "every" // one each D
	After When = "after" // nothing for D, then all
	Some  When = "some"  // the next N, then none
)

// Policy is when a server calls accept(), from the step on that sets it.
type Policy struct {
	When When
	D    time.Duration // of Every and After
	N    int           // of Some
}

// Server starts our server.
type Server struct {
	Name      string
	Port      int
	Backlog   int           // as given to listen(): the kernel takes -1 as somaxconn
	Defer     time.Duration // TCP_DEFER_ACCEPT, whole seconds; 0: off
	ReusePort bool
	FastOpen  int  // length of the Fast Open queue; 0: off
	MPTCP     bool // a socket of IPPROTO_MPTCP
	DualStack bool // an IPv6 socket, whatever the network: it takes IPv4, too
	Accept    Policy
	Later     bool // it does not listen before a Listen
	Application
}

// ServerExec starts a program that listens by itself. Its words may hold the
// placeholders of Expand.
type ServerExec struct {
	Name    string
	Port    int           // 0: found when it listens
	Within  time.Duration // it must listen by then
	Command []string
}

// Accept changes the accept policy of a server of ours.
type Accept struct {
	Policy Policy
	On     string
}

// Listen calls listen() again.
type Listen struct {
	Backlog int
	On      string
}

// Stop sends SIGSTOP to a server's processes, and SIGCONT after For.
type Stop struct {
	Server string
	For    time.Duration // 0: until a Continue
}

// Continue sends SIGCONT to a server's processes.
type Continue struct{ Server string }

// Order is how the connections of one step are made.
type Order string

// The orders.
const (
	OneByOne    Order = "one by one"  // each when the step of the one before it would have ended
	Overlapping Order = "overlapping" // every SYN is answered before the first final ACK is delivered, and then in order
	AtOnce      Order = "at once"     // all connect() calls in a row
	Spaced      Order = "every"       // one connect() each Gap
)

// Connect makes connections. It does not wait for what is not answered.
type Connect struct {
	Names  []string // in their order
	Group  string   // the name that they have in common; empty: none
	Order  Order
	Gap    time.Duration // of Spaced
	GiveUp time.Duration // the client ends a connect() that takes longer; 0: the kernel does
	MPTCP  bool          // of a socket of IPPROTO_MPTCP
	Text   string        // sent with the SYN (Fast Open), if the kernel has a cookie or needs none
	Ask    string        // sent as soon as connect() has returned
	Reuse  string        // the connection, closed by now, whose port it has
	To     string        // the server
}

// Send writes to connections, to each the same.
type Send struct {
	Names []string
	Text  string
	Size  int // instead of a text: this many bytes
}

// Payload returns the bytes to send.
func (s Send) Payload() []byte {
	if s.Text != "" {
		return []byte(s.Text)
	}
	return bytes.Repeat([]byte{'x'}, s.Size)
}

// Shutdown half-closes connections: the client sends no more.
type Shutdown struct{ Names []string }

// Close closes connections, and the listening sockets of servers.
type Close struct{ Names, Servers []string }

// Reset closes connections with a reset (SO_LINGER 0).
type Reset struct{ Names []string }

// ClientExec runs a client command to its end. Its words may hold the placeholders of Expand.
type ClientExec struct {
	Name    string // of the variable with its result; empty: none
	MayFail bool   // false: an exit code other than 0 ends the experiment
	AtMost  time.Duration
	Command []string
	To      string // the server that the placeholders stand for; empty if there is none
}

// Sender is whose addresses the SYNs of a flood have.
type Sender string

// The senders.
const (
	Spoofed  Sender = ""         // many that do not exist
	Client   Sender = "client"   // the client's own, whose kernel resets what it knows no socket of
	Martians Sender = "martians" // such as no network has: 127.0.0.0/8
)

// Flood sends bare SYNs inside the lab.
type Flood struct {
	From       Sender
	Count      int
	Rate       int // per second
	To         string
	Background bool // the next steps do not wait for its end
}

// Observe runs other programs on both sides and compares what they show with
// what the lab sees.
type Observe struct{ Programs []string } // of ss, netstat and nstat

// Wait does nothing for a time.
type Wait struct{ For time.Duration }

// WaitUntil waits for a condition.
type WaitUntil struct {
	That   *Expr
	AtMost time.Duration
}

// Expect checks a condition. Where If is there and does not hold, it is neither
// passed nor failed.
type Expect struct {
	That       *Expr
	If         *Expr // over facts; nil: always
	FromSource bool  // the branch was read in the kernel's source and not run
}

func (Sysctl) action()     {}
func (Wire) action()       {}
func (Hold) action()       {}
func (Release) action()    {}
func (Server) action()     {}
func (ServerExec) action() {}
func (Accept) action()     {}
func (Listen) action()     {}
func (Stop) action()       {}
func (Continue) action()   {}
func (Connect) action()    {}
func (Send) action()       {}
func (Shutdown) action()   {}
func (Close) action()      {}
func (Reset) action()      {}
func (ClientExec) action() {}
func (Flood) action()      {}
func (Observe) action()    {}
func (Wait) action()       {}
func (WaitUntil) action()  {}
func (Expect) action()     {}

// Expand puts a server's address in the place of {host}, {port} and {address}
// (host:port, [host]:port) in the words of a command. Other braces stay.
func Expand(command []string, address netip.AddrPort) []string {
	r := strings.NewReplacer(
		"{host}", address.Addr().String(),
		"{port}", strconv.Itoa(int(address.Port())),
		"{address}", address.String())
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = r.Replace(w)
	}
	return words
}
