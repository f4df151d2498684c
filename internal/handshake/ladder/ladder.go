// Package ladder writes attempts to open a connection as text, one Event a line, and plays
// them to a tracker: for tests that a reader can follow.
//
//	events, err := ladder.Parse("0ms c> SYN\n 0.3ms s> SYN-ACK\n 0.6ms c> ACK")
//	v := ladder.Play(events, evidence.ServerSide, false).Attempt(ladder.Client, ladder.Server).Verdict()
package ladder

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/handshake"
)

// The two ends of every ladder.
var (
	Client = netip.MustParseAddrPort("10.0.0.1:40000")
	Server = netip.MustParseAddrPort("10.0.0.2:80")
)

// travel is how long a packet is on its way between the two sides.
const travel = 200 * time.Microsecond

// ladder is a connection written down as a packet ladder, one Event a line:
//
//	0ms c> SYN drop=full     from the client; what the server's counters did
//	1ms c> SYN lost          the wire lost it
//	2ms s> SYN-ACK           from the server
//	3ms c> DATA again        sent again; "next" is a second segment
//	4ms server SYN_RECV      a sample of the server's socket
//	5ms listener 4/3         of the accept queue, length/limit; or "closed"; "inode=7" of one of several
//	6ms connect 1s ETIMEDOUT a system call and when it began
//	6ms accepted             accept() returned it
//	6ms accepted 1ms         it did at 7ms, and that is reported before what happened since 6ms
//	9s end                   the observation goes on until then
//
// Behind a segment its numbers can be moved (ack+100000, seq+5, ack-1), and it can have a
// timestamp (ts=900), options (offers=mss, scale, sack), a TTL (ttl=60) or a wrong checksum
// (badsum).
type ladder struct {
	events         []Event
	clientISN      uint32
	top            uint32
	number         int
	client, server netip.AddrPort
}

// Event is what a tracker is given at one moment.
type Event struct {
	T        time.Duration
	Packet   *evidence.Packet // may be nil
	Reaction *evidence.Delta  // of the server's counters to it; may be nil
	Fate     evidence.Fate    // what became of it on the way, where that is the Event
	Next     bool             // the packet's fate is the next event
	give     func(*handshake.Tracker)
}

// deltas are the counters' movements by the word after the packet.
var deltas = map[string]evidence.Delta{
	"drop=full":    {ListenOverflows: 1, ListenDrops: 1},
	"drop=syn":     {TCPReqQFullDrop: 1, ListenDrops: 1},
	"drop=other":   {ListenDrops: 1},
	"drop=defer":   {TCPDeferAcceptDrop: 1},
	"cookie":       {TCPReqQFullDoCookies: 1, SyncookiesSent: 1},
	"cookies=2":    {SyncookiesSent: 1},
	"checked":      {SyncookiesRecv: 1},
	"checked-full": {SyncookiesRecv: 1, ListenOverflows: 1, ListenDrops: 1},
	"rejected":     {SyncookiesFailed: 1},
	"abort":        {ListenOverflows: 1, ListenDrops: 1, EmbryonicRsts: 1},
	"embryonic":    {EmbryonicRsts: 1},
}

// Parse reads a ladder. Its events are in the order of their time.
func Parse(text string) ([]Event, error) { return parse(Client, 0, text) }

// parse reads a ladder of a client, whose times are from a moment on.
func parse(client netip.AddrPort, from time.Duration, text string) ([]Event, error) {
	l := &ladder{clientISN: 1000, client: client, server: Server}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		at, err := time.ParseDuration(words[0])
		if err != nil || len(words) < 2 {
			return nil, fmt.Errorf("ladder line %q: want a time and an event", line)
		}
		if !l.line(from+at, words[1], words[2:]) {
			return nil, fmt.Errorf("ladder line %q is not understood", line)
		}
	}
	sort(l.events)
	return l.events, nil
}

func sort(all []Event) {
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.T, b.T) })
}

// Part is what some clients of a listener do, all the same.
type Part struct {
	Clients int
	From    time.Duration // the first of them
	Gap     time.Duration // to the next
	Ladder  string
}

// Several reads ladders of many clients, of which the n-th is Peer(n).
func Several(parts ...Part) ([]Event, error) {
	var all []Event
	client := 0
	for _, p := range parts {
		for i := range p.Clients {
			events, err := parse(Peer(client), p.From+time.Duration(i)*p.Gap, p.Ladder)
			if err != nil {
				return nil, err
			}
			all = append(all, events...)
			client++
		}
	}
	sort(all)
	for i := range all {
		if all[i].Packet != nil {
			all[i].Packet.Number = i + 1
		}
	}
	return all, nil
}

func (l *ladder) line(at time.Duration, what string, words []string) bool {
	switch what {
	case "c>":
		return l.segment(at, evidence.ClientSide, words)
	case "s>":
		return l.segment(at, evidence.ServerSide, words)
	case "client", "server":
		l.socket(at, what, words)
	case "listener":
		l.listener(at, words)
	case "sysctl":
		value, _ := strconv.Atoi(words[1])
		l.give(at, func(t *handshake.Tracker) { t.Sysctl(words[0], value) })
	case "end":
		p := evidence.Packet{Src: netip.MustParseAddrPort("10.9.9.9:9"), Dst: netip.MustParseAddrPort("10.9.9.8:9"), Flags: evidence.RST}
		for _, side := range []evidence.Side{evidence.ClientSide, evidence.ServerSide} {
			p.Side, p.T = side, at
			l.events = append(l.events, Event{T: at, Packet: new(p)})
		}
	case "accepted":
		then := at
		if len(words) > 0 {
			d, _ := time.ParseDuration(words[0])
			then += d
		}
		l.give(at, func(t *handshake.Tracker) { t.Accepted(l.client, l.server, then) })
	case "connect", "send", "recv", "close", "shutdown":
		l.call(at, what, words)
	default:
		return false
	}
	return true
}

func (l *ladder) give(at time.Duration, f func(*handshake.Tracker)) {
	l.events = append(l.events, Event{T: at, give: f})
}

func (l *ladder) socket(at time.Duration, side string, words []string) {
	s := evidence.Socket{T: at, Side: evidence.ClientSide, Client: l.client, Server: l.server, State: evidence.State(words[0])}
	if side == "server" {
		s.Side = evidence.ServerSide
	}
	s.Owned = slices.Contains(words, "owned")
	l.give(at, func(t *handshake.Tracker) { t.Socket(s) })
}

func (l *ladder) listener(at time.Duration, words []string) {
	s := evidence.Queues{T: at, Address: l.server, Open: words[0] != "closed", SynLen: -1}
	if length, limit, ok := strings.Cut(words[0], "/"); ok {
		s.AcceptLen, _ = strconv.Atoi(length)
		s.AcceptLimit, _ = strconv.Atoi(limit)
	}
	for _, w := range words[1:] {
		if n, ok := strings.CutPrefix(w, "syn="); ok {
			s.SynLen, _ = strconv.Atoi(n)
		}
		if n, ok := strings.CutPrefix(w, "inode="); ok {
			inode, _ := strconv.Atoi(n)
			s.Inode = uint32(inode)
		}
	}
	l.give(at, func(t *handshake.Tracker) { t.Listener(s) })
}

func (l *ladder) call(at time.Duration, name string, words []string) {
	c := evidence.Call{T: at, Client: l.client, Server: l.server, Name: name}
	for _, w := range words {
		switch d, err := time.ParseDuration(w); {
		case err == nil:
			c.T, c.Duration = at-d, d
		case w == "own":
			c.Own = true
		case w == "reset":
			c.Reset = true
		default:
			c.Errno, c.Result = w, -1
		}
	}
	l.give(at, func(t *handshake.Tracker) { t.Call(c) })
}

// segment adds a packet as it was sent, what became of it, and as it arrived.
func (l *ladder) segment(at time.Duration, from evidence.Side, words []string) bool {
	p, ok := l.packet(from, words)
	if !ok || !odd(&p, words) {
		return false
	}
	send := from == evidence.ClientSide
	fated := slices.ContainsFunc(words, func(w string) bool { return w == "lost" || strings.HasPrefix(w, "takes=") })
	lost, foreign := slices.Contains(words, "lost"), slices.Contains(words, "foreign")
	if !foreign {
		l.number++
		p.T, p.Side, p.Number = at, from, l.number
		l.events = append(l.events, Event{T: at, Packet: new(p), Next: fated})
	}
	arrives := at + travel
	for _, w := range words {
		if d, ok := strings.CutPrefix(w, "takes="); ok {
			late, err := time.ParseDuration(d)
			if err != nil {
				return false
			}
			arrives = at + late
			l.events = append(l.events, Event{T: at, Packet: new(p), Fate: evidence.FateHeld})
		}
	}
	if lost {
		l.events = append(l.events, Event{T: at, Packet: new(p), Fate: evidence.FateLost})
		return true
	}
	l.number++
	p.T, p.Number = arrives, l.number
	p.Side = (evidence.ClientSide | evidence.ServerSide) &^ from
	e := Event{T: arrives, Packet: new(p)}
	if send {
		e.Reaction = &evidence.Delta{}
		for _, w := range words {
			if d, ok := deltas[w]; ok {
				e.Reaction = &d
			}
		}
	}
	l.events = append(l.events, e)
	if slices.Contains(words, "twice") {
		l.events = append(l.events, e)
	}
	return true
}

// packet makes a segment of its words. The server's first sequence number is
// 5000, and a new one after "isn".
func (l *ladder) packet(from evidence.Side, words []string) (evidence.Packet, bool) {
	const serverISN = 5000
	p := evidence.Packet{Src: l.client, Dst: l.server, Window: 64240}
	if from == evidence.ServerSide {
		p.Src, p.Dst = l.server, l.client
		p.Seq, p.Ack = serverISN+1, l.clientISN+1
	} else {
		p.Seq, p.Ack = l.clientISN+1, serverISN+1
	}
	if slices.Contains(words, "newisn") {
		l.clientISN, l.top = l.clientISN+1_000_000, 0
	}
	switch words[0] {
	case "SYN":
		p.Flags, p.Seq, p.Ack = evidence.SYN, l.clientISN, 0
	case "TFO":
		p.Flags, p.Seq, p.Ack, p.Len = evidence.SYN, l.clientISN, 0, 10
		p.Options.Present = evidence.OptFastOpen
		l.top = 10
	case "SYN-ACK":
		p.Flags, p.Seq = evidence.SYN|evidence.ACK, serverISN
		if slices.Contains(words, "takesdata") {
			p.Ack += l.top
		}
	case "ACK":
		p.Flags = evidence.ACK
		if from == evidence.ServerSide {
			p.Ack += l.top
		} else {
			p.Seq += l.top
		}
	case "KEEPALIVE":
		p.Flags, p.Seq = evidence.ACK, p.Seq-1
	case "RST":
		p.Flags, p.Ack = evidence.RST, 0
	case "RST-ACK":
		p.Flags = evidence.RST | evidence.ACK
	default:
		return p, l.data(&p, from, words)
	}
	return p, true
}

// offered are options by their names.
var offered = map[string]evidence.OptionSet{"mss": evidence.OptMSS, "scale": evidence.OptWindowScale, "sack": evidence.OptSACKPermitted}

// odd makes a segment one that is not as it should be, by its words.
func odd(p *evidence.Packet, words []string) bool {
	for _, w := range words {
		i := strings.IndexAny(w, "=+-")
		if w == "badsum" {
			p.Sum = evidence.SumBad
		}
		if i < 0 || i+1 == len(w) {
			continue
		}
		what, value := w[:i], w[i+1:]
		n, err := strconv.ParseUint(value, 10, 32)
		by := uint32(n)
		if w[i] == '-' {
			by = -by
		}
		switch what {
		case "ack":
			p.Ack += by
		case "seq":
			p.Seq += by
		case "ts":
			p.Options.TSVal = by
			p.Options.Present |= evidence.OptTimestamps
		case "ttl":
			p.Hops = uint8(n)
		case "offers":
			p.Options.Present |= offered[value]
			err = nil
		default:
			continue
		}
		if err != nil {
			return false
		}
	}
	return true
}

// data fills in a segment with data or FIN: the next one, or the last again.
func (l *ladder) data(p *evidence.Packet, from evidence.Side, words []string) bool {
	size := uint32(1)
	switch words[0] {
	case "DATA":
		p.Flags, p.Len, size = evidence.ACK|evidence.PSH, 10, 10
	case "FIN":
		p.Flags = evidence.ACK | evidence.FIN
	default:
		return false
	}
	if from == evidence.ServerSide {
		return true
	}
	if slices.Contains(words, "again") {
		if words[0] == "FIN" {
			p.Seq += l.top - 1
		}
		return true
	}
	p.Seq += l.top
	l.top += size
	return true
}

// Play gives the events to a new Tracker: all evidence, or only the packets
// that those sides see.
func Play(events []Event, sides evidence.Side, full bool) *handshake.Tracker {
	return PlayEach(events, sides, full, func(*handshake.Tracker) {})
}

// PlayEach does something after each event.
func PlayEach(events []Event, sides evidence.Side, full bool, each func(*handshake.Tracker)) *handshake.Tracker {
	t := handshake.New(handshake.Config{Sides: sides, Sockets: full})
	for _, e := range events {
		switch {
		case full:
			Apply(t, e)
		case e.Packet != nil && e.Fate == "" && e.Packet.Side&sides != 0:
			t.Packet(*e.Packet)
		}
		each(t)
	}
	return t
}

// Apply gives all that an event holds.
func Apply(t *handshake.Tracker, e Event) {
	switch {
	case e.give != nil:
		e.give(t)
	case e.Fate != "":
		t.Fate(*e.Packet, e.Fate)
	default:
		t.Packet(*e.Packet)
		if e.Reaction != nil {
			t.Reaction(evidence.Reaction{T: e.T, Packets: 1, Number: e.Packet.Number, Delta: *e.Reaction})
		}
	}
}
