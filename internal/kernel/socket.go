package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// Socket is one TCP socket, request (SYN_RECV) or TIME_WAIT as sock_diag shows
// it (struct inet_diag_msg, include/uapi/linux/inet_diag.h).
//
// A request has Timer TimerRetransmit, Expires until its next SYN-ACK, and in
// Retransmits its SYN-ACKs but the first, those that answered a SYN sent again
// included. Requests and TIME_WAIT have no inode, user, queues, Info or Memory.
type Socket struct {
	Local, Remote netip.AddrPort // IPv4-mapped addresses unmapped, without zone
	State         evidence.State // empty if it is none of include/net/tcp_states.h up to CLOSING
	Family        int            // of the socket: unix.AF_INET or unix.AF_INET6
	Inode         uint32         // 0: no process has it; it waits for accept(), or was closed
	DualStack     bool           // a listener at [::] that takes IPv4, too; false where not given
	UID           uint32
	Cookie        uint64 // never used again while the kernel runs; a request hands its own on to its socket

	// RecvQ is bytes not yet read; of a listener, connections that wait for
	// accept(). SendQ is bytes not yet acknowledged; of a listener, the limit.
	RecvQ, SendQ uint32

	Timer       Timer
	Expires     time.Duration // until the timer fires, to the millisecond; 0 without a timer
	Retransmits int           // of what the timer is for; 0 without a timer

	Memory Memory  // empty if not asked for, or not given
	Info   TCPInfo // empty if not asked for, or not given
}

// Listener is a socket in state LISTEN as the model sees it. Its Netns is not
// told, and its SynLen unknown: the kernel shows requests as sockets of their own.
func (s *Socket) Listener() queue.Listener {
	return queue.Listener{
		Address:     s.Local,
		Inode:       s.Inode,
		Cookie:      s.Cookie,
		DualStack:   s.DualStack,
		UID:         s.UID,
		AcceptLen:   int(s.RecvQ),
		AcceptLimit: int(s.SendQ),
		Drops:       s.Memory.Drops(),
	}
}

// Timer is what a socket waits for (inet_sk_diag_fill, net/ipv4/inet_diag.c).
type Timer uint8

// The timers of idiag_timer.
const (
	TimerNone       Timer = iota
	TimerRetransmit       // retransmission, tail loss probe; SYN-ACK of a request
	TimerKeepalive        // keepalive; also FIN_WAIT2 of an orphan
	TimerTimeWait
	TimerPersist // zero-window probe
)

// String is the timer as ss names it.
func (t Timer) String() string {
	names := [...]string{"off", "on", "keepalive", "timewait", "persist"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("timer %d", uint8(t))
}

// states are the states by their number in include/net/tcp_states.h.
var states = [...]evidence.State{
	1:  evidence.Established,
	2:  evidence.SynSent,
	3:  evidence.SynRecv,
	4:  evidence.FinWait1,
	5:  evidence.FinWait2,
	6:  evidence.TimeWait,
	7:  evidence.Close,
	8:  evidence.CloseWait,
	9:  evidence.LastAck,
	10: evidence.Listen,
	11: evidence.Closing,
}

// StateSet is a set of TCP states: bit n is the state of that number.
type StateSet uint32

// AllStates is every state that a Socket can be in.
const AllStates StateSet = 1<<12 - 1<<1

// States is the set of those states. evidence.None is in no set. A set of
// LISTEN alone costs least: the kernel then looks only at its listeners and not
// at every connection (tcp_diag_dump).
func States(set ...evidence.State) (s StateSet) {
	for _, wanted := range set {
		for number, state := range states {
			if number > 0 && state == wanted {
				s |= 1 << number
			}
		}
	}
	return s
}

// Attributes of include/uapi/linux/inet_diag.h.
const (
	attrInfo      = 2  // INET_DIAG_INFO
	attrSkmeminfo = 7  // INET_DIAG_SKMEMINFO
	attrSkv6only  = 11 // INET_DIAG_SKV6ONLY, of every IPv6 listener since Linux 4.6 (inet_diag_msg_attrs_fill)
)

// sizeofInetDiagMsg is the size of struct inet_diag_msg; the attributes follow.
const sizeofInetDiagMsg = 72

// decode sets s to what the payload of a message shows. Info aliases b.
func (s *Socket) decode(b []byte) error {
	if len(b) < sizeofInetDiagMsg {
		return fmt.Errorf("%w: socket of %d bytes", ErrMalformed, len(b))
	}
	number := binary.NativeEndian.Uint32
	*s = Socket{
		Family:      int(b[0]),
		Timer:       Timer(b[2]),
		Retransmits: int(b[3]),
		Cookie:      uint64(number(b[44:])) | uint64(number(b[48:]))<<32, // __u32[2], low half first
		Expires:     time.Duration(number(b[52:])) * time.Millisecond,
		RecvQ:       number(b[56:]),
		SendQ:       number(b[60:]),
		UID:         number(b[64:]),
		Inode:       number(b[68:]),
	}
	if int(b[1]) < len(states) {
		s.State = states[b[1]]
	}
	var err error
	if s.Local, err = address(s.Family, b[4:], b[8:]); err != nil {
		return err
	}
	if s.Remote, err = address(s.Family, b[6:], b[24:]); err != nil {
		return err
	}
	return s.attributes(b[sizeofInetDiagMsg:])
}

// address joins port and address of a struct inet_diag_sockid, both in network
// byte order.
func address(family int, port, addr []byte) (netip.AddrPort, error) {
	var ip netip.Addr
	switch family {
	case unix.AF_INET:
		ip = netip.AddrFrom4([4]byte(addr))
	case unix.AF_INET6:
		ip = netip.AddrFrom16([16]byte(addr)).Unmap()
	default:
		return netip.AddrPort{}, fmt.Errorf("%w: address family %d", ErrMalformed, family)
	}
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port)), nil
}

func (s *Socket) attributes(b []byte) error {
	for len(b) > 0 {
		kind, value, rest, err := nextAttribute(b)
		if err != nil {
			return err
		}
		switch kind {
		case attrInfo:
			s.Info = value
		case attrSkmeminfo:
			s.Memory.decode(value)
		case attrSkv6only:
			s.DualStack = len(value) == 1 && value[0] == 0 && s.Local.Addr() == netip.IPv6Unspecified()
		}
		b = rest
	}
	return nil
}
