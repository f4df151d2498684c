package script

import (
	_ "embed"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/judge"
)

// Env is what is known at the step that an expression is evaluated for. What is
// missing from it, a nil pointer and an empty word are unknown.
type Env struct {
	Conns              map[string]Conn     // by name
	Groups             map[string][]Conn   // by name, in the order of the names
	Listeners          map[string]Listener // by the name of the server
	Execs              map[string]Exec     // by name
	Filters            map[string]Filtered // by name
	Observed           Observed            // of the last observe step
	Delta, ClientDelta map[string]int64    // since the first step, by the names of nstat (TcpExtListenOverflows)
	Facts              map[string]any      // bool, int, string or time.Duration as the Fact's Zero; nil: could not be probed
}

// Conn is what expressions know of a connection.
type Conn struct {
	Name       string           `expr:"name" doc:"the name of the connection"`
	Outcome    judge.Outcome    `expr:"outcome" doc:"what became of it so far"`
	Cause      judge.Cause      `expr:"cause" doc:"the first event without which it would have been accepted at once"`
	EndedBy    judge.Cause      `expr:"ended_by" empty:"none" doc:"what finished it, when that is something else; else none"`
	Struck     judge.Struck     `expr:"struck" empty:"none" doc:"the packet that the cause hit, or none"`
	Handshake  judge.Kind       `expr:"handshake" empty:"none" doc:"how the server kept the unfinished handshake; none if no SYN-ACK was seen"`
	Confidence judge.Confidence `expr:"confidence" doc:"how sure outcome and cause are"`

	ClientState evidence.State `expr:"client_state" doc:"the state of the client's socket; NONE if it has none"`
	ServerState evidence.State `expr:"server_state" doc:"the state of the server's socket or request; NONE if it has none"`
	Owned       *bool          `expr:"owned" doc:"a process has the server's socket, so accept() returned it; unknown without a socket"`
	ClientTimer Timer          `expr:"client_timer" doc:"the timer that the client's socket has running; unknown without a socket"`
	ServerTimer Timer          `expr:"server_timer" doc:"the timer that the server's socket has running; unknown without a socket"`
	ClientRecvQ *int           `expr:"client_recv_q" doc:"Recv-Q of the client's socket in bytes; a FIN counts as one; unknown without a socket"`
	ClientSendQ *int           `expr:"client_send_q" doc:"Send-Q of the client's socket in bytes; a FIN counts as one; unknown without a socket"`
	ServerRecvQ *int           `expr:"server_recv_q" doc:"Recv-Q of the server's socket in bytes; a FIN counts as one; unknown without a socket"`
	ServerSendQ *int           `expr:"server_send_q" doc:"Send-Q of the server's socket in bytes; a FIN counts as one; unknown without a socket"`

	Connect *time.Duration `expr:"connect" doc:"how long connect() took; unknown until it returns"`
	Delay   *time.Duration `expr:"delay" doc:"how late the server had the connection, from the first packet dropped to the one that succeeded; 0s if it was not late, unknown until it has succeeded"`
	Wait    *time.Duration `expr:"wait" doc:"how long it has been, or was, in the accept queue; unknown if it never was"`
	Ended   *time.Duration `expr:"ended" doc:"from the client's first SYN to the reset, refusal or time-out that ended it; unknown until then"`

	SynRetransmits    int `expr:"syn_retransmits" doc:"SYNs that the client sent again"`
	SynAckRetransmits int `expr:"synack_retransmits" doc:"SYN-ACKs that the server sent again"`
	DataRetransmits   int `expr:"data_retransmits" doc:"segments with data or FIN that the client sent again"`

	ConnectErrno *Errno `expr:"connect_errno" doc:"the error of connect(), \"\" if it succeeded; unknown until it returns"`
	Errno        *Errno `expr:"errno" doc:"the last error that a call of the client returned, \"\" if none did; unknown until a call has returned"`
}

// Listener is what expressions know of a listening socket.
type Listener struct {
	Open      bool  `expr:"open" doc:"it listens"`
	Accept    *int  `expr:"accept" doc:"connections in the accept queue"`
	Limit     *int  `expr:"limit" doc:"the limit of the accept queue, as of the last listen()"`
	Full      *bool `expr:"full" doc:"the accept queue holds more than its limit: what arrives now is dropped"`
	Syn       *int  `expr:"syn" doc:"requests in the SYN queue"`
	Drops     *int  `expr:"drops" doc:"the listener's drop counter (sk_drops) since it listens"`
	AcceptMax *int  `expr:"accept_max" doc:"the longest accept queue seen"`
	SynMax    *int  `expr:"syn_max" doc:"the longest SYN queue seen"`
	Waiting   *int  `expr:"waiting" doc:"connections in the accept queue that still have a socket"`
	Dead      *int  `expr:"dead" doc:"places in the accept queue held by connections that are gone"`
	Unacked   *int  `expr:"tcpi_unacked" doc:"tcpi_unacked of TCP_INFO: the accept queue again"`
	Sacked    *int  `expr:"tcpi_sacked" doc:"tcpi_sacked of TCP_INFO: its limit again"`
}

// Exec is what expressions know of a client command.
type Exec struct {
	Exit   *int    `expr:"exit" doc:"its exit code; 128 and the signal's number if a signal ended it"`
	Output *string `expr:"output" doc:"what it wrote to stdout and stderr"`
}

// Filtered is what expressions know of a filter.
type Filtered struct {
	Packets *int `expr:"packets" doc:"segments that it has dropped or rejected, by its own counter; unknown of a filter at a socket, which has none"`
}

// Observed is what expressions know of the last observe step. All of it is
// unknown if one of its programs could not be run.
type Observed struct {
	Differences *int `expr:"differences" doc:"how often a program and the lab saw something differently, without a known reason"`
	Explained   *int `expr:"explained" doc:"how often they did for a known reason"`
	Sockets     *int `expr:"sockets" doc:"sockets that were compared, with each program anew"`
	Counters    *int `expr:"counters" doc:"counters that were compared"`
	Fields      *int `expr:"fields" doc:"fields of all of these"`
}

// member is a field that an expression can name.
type member struct {
	name, doc string
	index     int
	kind      kind
	empty     string // the word for an empty word; "": it is unknown
}

// membersOf lists what can be named of a Conn, a Listener, an Exec or Observed.
func membersOf(t reflect.Type) []member {
	var all []member
	for i := range t.NumField() {
		f := t.Field(i)
		all = append(all, member{
			name: f.Tag.Get("expr"), doc: f.Tag.Get("doc"), empty: f.Tag.Get("empty"),
			index: i, kind: kindOfType(f.Type),
		})
	}
	return all
}

// memberTables are the members by the kind of what they belong to.
var memberTables = sync.OnceValue(func() map[base][]member {
	return map[base][]member{
		aConnection: membersOf(reflect.TypeFor[Conn]()),
		aListener:   membersOf(reflect.TypeFor[Listener]()),
		aCommand:    membersOf(reflect.TypeFor[Exec]()),
		aFilter:     membersOf(reflect.TypeFor[Filtered]()),
		theObserved: membersOf(reflect.TypeFor[Observed]()),
	}
})

// find returns the member of that name.
func find(members []member, name string) (member, bool) {
	i := slices.IndexFunc(members, func(m member) bool { return m.name == name })
	if i < 0 {
		return member{}, false
	}
	return members[i], true
}

// of returns the member's value in what membersOf knows: a bool, an int, a string
// or a time.Duration; nil if it is unknown.
func (m member) of(object any) any {
	v := reflect.ValueOf(object).Field(m.index)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	}
	if v.Kind() == reflect.String && v.Len() == 0 {
		if m.empty == "" {
			return nil
		}
		return m.empty
	}
	return plain(v)
}

// plain returns a value as one of the types that expressions calculate with.
func plain(v reflect.Value) any {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return v.Interface()
	case v.Kind() == reflect.String:
		return v.String()
	case v.Kind() == reflect.Bool:
		return v.Bool()
	default:
		return int(v.Int())
	}
}

// counterList holds the counters of the groups TcpExt, Tcp, IpExt and Ip that have a short
// name and whose spelling is checked, by the names of nstat. A kernel may have others.
//
//go:embed counters.txt
var counterList string

// counterNames maps the names that scripts use to those of nstat: the counters
// of TCP go without their group (ListenOverflows, OutRsts), those of IP with it
// (IpInReceives, IpExtInOctets).
var counterNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for nstat := range strings.Lines(counterList) {
		nstat = strings.TrimSpace(nstat)
		names[withoutGroup(nstat)] = nstat
	}
	return names
})

// groups are those whose counters scripts name as nstat does.
var groups = regexp.MustCompile(`^(TcpExt|Tcp|IpExt|Ip|IcmpMsg|Icmp|UdpLite|Udp|MPTcpExt|Ip6|Icmp6|UdpLite6|Udp6)[A-Z0-9]`)

// ipv6Group is how the name of a counter of /proc/net/snmp6 begins, and asked how a script
// names any counter.
var (
	ipv6Group = regexp.MustCompile(`^(Ip6|Icmp6|UdpLite6|Udp6)`)
	asked     = regexp.MustCompile(`delta\.([A-Z]\w*)`)
)

// Counters returns the counters that the script names, by their names in nstat.
func (s *Script) Counters() []string {
	var all []string
	for _, m := range asked.FindAllSubmatch(s.Text, -1) {
		if nstat, ok := counterNamed(string(m[1])); ok {
			all = append(all, nstat)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// IPv6Counters reports whether the script names counters of IPv6.
func (s *Script) IPv6Counters() bool { return slices.ContainsFunc(s.Counters(), ipv6Group.MatchString) }

// counterNamed returns the nstat name of a counter that a script names: by its short name, or,
// if it has none, as nstat prints it. Whether the kernel has that one turns out when it runs.
func counterNamed(name string) (nstat string, ok bool) {
	if nstat, ok := counterNames()[name]; ok {
		return nstat, true
	}
	switch short := withoutGroup(name); {
	case !groups.MatchString(name), counterNames()[short] != "":
		return "", false
	case ipv6Group.MatchString(name):
		return name, true
	default:
		return name, nearestHint(short, slices.Sorted(maps.Keys(counterNames()))...) == ""
	}
}

// withoutGroup cuts the group from the nstat name of a TCP counter.
func withoutGroup(nstat string) string {
	if name, ok := strings.CutPrefix(nstat, "TcpExt"); ok {
		return name
	}
	return strings.TrimPrefix(nstat, "Tcp")
}
