package peers

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
)

var netstatExplanations = []explanation{{
	field: "send_q",
	holds: func(theirs entry) bool {
		return theirs.fields["state"] == string(evidence.Listen) && theirs.fields["send_q"] == "0"
	},
	// get_tcp4_sock, net/ipv4/tcp_ipv4.c; tcp_diag_get_info, net/ipv4/tcp_diag.c
	why: "netstat reads /proc/net/tcp, where Send-Q of LISTEN is bytes not acknowledged; sock_diag, for ss and listenq, has the limit of the accept queue there",
}}

// readNetstat reads the lines of netstat -atnW:
//
//	tcp        3      0 0.0.0.0:8080            0.0.0.0:*               LISTEN
func readNetstat(output string) (table, error) {
	var all []entry
	for line := range strings.Lines(output) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "tcp" && words[0] != "tcp6" {
			continue // the head
		}
		if len(words) < 6 {
			return nil, fmt.Errorf("%w: line %q", ErrOutput, line)
		}
		local, err := netstatAddress(words[3])
		if err != nil {
			return nil, err
		}
		remote, err := netstatAddress(words[4])
		if err != nil {
			return nil, err
		}
		all = append(all, netstatEntry(local, remote, words[5], words[1], words[2]))
	}
	if len(all) == 0 && !strings.Contains(output, "Recv-Q") {
		return nil, fmt.Errorf("%w: no head", ErrOutput)
	}
	return byAddress(all), nil
}

// netstatAddress reads 192.0.2.2:80, 2001:db8::2:80, :::* and the like.
func netstatAddress(s string) (netip.AddrPort, error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return netip.AddrPort{}, fmt.Errorf("%w: address %q", ErrOutput, s)
	}
	ip, err := netip.ParseAddr(s[:colon])
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: address %q", ErrOutput, s)
	}
	return withPort(ip, s[colon+1:])
}

// withPort joins an address as listenq writes it and a port or *.
func withPort(ip netip.Addr, port string) (netip.AddrPort, error) {
	if port == "*" {
		port = "0"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: port %q", ErrOutput, port)
	}
	return netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(n)), nil
}

// asNetstat is what listenq saw in the words of netstat, which are the kernel's.
func asNetstat(l Look) table {
	var all []entry
	for i := range l.Sockets {
		s := &l.Sockets[i]
		all = append(all, netstatEntry(s.Local, s.Remote, string(s.State), fmt.Sprint(s.RecvQ), fmt.Sprint(s.SendQ)))
	}
	return byAddress(all)
}

func netstatEntry(local, remote netip.AddrPort, state, recvQ, sendQ string) entry {
	return entry{of: name(state, local, remote), fields: map[string]string{
		"local": local.String(), "remote": remote.String(), "state": state, "recv_q": recvQ, "send_q": sendQ,
	}}
}

// byAddress identifies sockets by their addresses, and where several have the
// same (SO_REUSEPORT) by their place in the order of their queues.
func byAddress(all []entry) table {
	slices.SortStableFunc(all, func(a, b entry) int {
		x, _ := number(a.fields["recv_q"])
		y, _ := number(b.fields["recv_q"])
		return cmp.Compare(x, y)
	})
	t := table{}
	for _, e := range all {
		key := e.fields["local"] + " " + e.fields["remote"]
		for n := 2; t[key].fields != nil; n++ {
			key = fmt.Sprintf("%s %s %d", e.fields["local"], e.fields["remote"], n)
		}
		t[key] = e
	}
	return t
}

// name is a socket for people.
func name(state string, local, remote netip.AddrPort) string {
	if state == string(evidence.Listen) {
		return state + " " + local.String()
	}
	return fmt.Sprintf("%s %s to %s", state, local, remote)
}

func nameOf(s *kernel.Socket) string { return name(string(s.State), s.Local, s.Remote) }
