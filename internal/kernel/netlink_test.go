package kernel

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// netlinkMessage is a whole message, padded.
func netlinkMessage(kind, flags uint16, seq uint32, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(binary.NativeEndian.AppendUint32(b, 0), payload...)
	return append(b, make([]byte, aligned(len(b))-len(b))...)
}

func attribute(kind uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, aligned(len(b))-len(b))...)
}

// diagPayload is a struct inet_diag_msg of a listener at 127.0.0.1:80.
func diagPayload(attributes ...[]byte) []byte {
	b := make([]byte, sizeofInetDiagMsg)
	b[0], b[1], b[2], b[3] = unix.AF_INET, 10, 1, 7
	binary.BigEndian.PutUint16(b[4:], 80)
	copy(b[8:], []byte{127, 0, 0, 1})
	for i, v := range []uint32{1, 2, 1500, 3, 4, 5, 6} { // cookie, expires, queues, uid, inode
		binary.NativeEndian.PutUint32(b[44+4*i:], v)
	}
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

// wildcard6 is a listener at [::]:80 with that value of INET_DIAG_SKV6ONLY.
func wildcard6(only ...byte) []byte {
	b := diagPayload(attribute(attrSkv6only, only...))
	b[0] = unix.AF_INET6
	clear(b[8:40])
	return b
}

func errno(e int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-e)) }

func TestAnswer(t *testing.T) {
	const seq = 9
	row := netlinkMessage(sockDiagByFamily, unix.NLM_F_MULTI, seq, diagPayload())
	interrupted := netlinkMessage(sockDiagByFamily, unix.NLM_F_MULTI|unix.NLM_F_DUMP_INTR, seq, diagPayload())
	done := netlinkMessage(unix.NLMSG_DONE, unix.NLM_F_MULTI, seq, errno(0))
	tests := []struct {
		name      string
		part      [][]byte
		visits    int
		done      bool
		err       error // of the dump
		malformed bool
	}{
		{name: "rows", part: [][]byte{row, row}, visits: 2},
		{name: "rows and end", part: [][]byte{row, row, done}, visits: 2, done: true},
		{name: "end only", part: [][]byte{done}, done: true},
		{name: "nothing after the end", part: [][]byte{done, row}, done: true},
		{name: "older dump", part: [][]byte{netlinkMessage(sockDiagByFamily, 0, seq-1, diagPayload()), netlinkMessage(unix.NLMSG_DONE, 0, seq-1, errno(0)), row}, visits: 1},
		{name: "unknown kind", part: [][]byte{netlinkMessage(unix.NLMSG_NOOP, 0, seq, nil), row}, visits: 1},
		{name: "error", part: [][]byte{netlinkMessage(unix.NLMSG_ERROR, 0, seq, errno(int32(unix.ENOENT)))}, done: true, err: unix.ENOENT},
		{name: "error at the end", part: [][]byte{row, netlinkMessage(unix.NLMSG_DONE, 0, seq, errno(int32(unix.ENOMEM)))}, visits: 1, done: true, err: unix.ENOMEM},
		{name: "interrupted", part: [][]byte{interrupted, row, done}, visits: 2, done: true, err: ErrInterrupted},
		{name: "end without errno", part: [][]byte{row, netlinkMessage(unix.NLMSG_DONE, 0, seq, nil)}, visits: 1, malformed: true},
		{name: "cut header", part: [][]byte{row, row[:15]}, visits: 1, malformed: true},
		{name: "cut row", part: [][]byte{row[:80]}, malformed: true},
		{name: "short row", part: [][]byte{netlinkMessage(sockDiagByFamily, 0, seq, diagPayload()[:71])}, malformed: true},
		{name: "length below header", part: [][]byte{{15, 0, 0, 0}, make([]byte, 12)}, malformed: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			visits := 0
			a := answer{seq: seq, socket: new(Socket), visit: func(*Socket) error { visits++; return nil }}
			var b []byte
			for _, p := range tt.part {
				b = append(b, p...)
			}
			err := a.part(b)
			if errors.Is(err, ErrMalformed) != tt.malformed {
				t.Errorf("error of the datagram is %v, malformed is %t", err, tt.malformed)
			}
			if visits != tt.visits || a.done != tt.done || !errors.Is(a.err, tt.err) {
				t.Errorf("%d visits, done %t, error %v; want %d, %t, %v", visits, a.done, a.err, tt.visits, tt.done, tt.err)
			}
		})
	}
}

func TestDecodeSocket(t *testing.T) {
	listener := Socket{
		Local: netip.MustParseAddrPort("127.0.0.1:80"), Remote: netip.MustParseAddrPort("0.0.0.0:0"),
		State: evidence.Listen, Family: unix.AF_INET, Inode: 6, UID: 5, Cookie: 2<<32 | 1, RecvQ: 3, SendQ: 4,
		Timer: TimerRetransmit, Expires: 1500 * time.Millisecond, Retransmits: 7,
	}
	with := func(change func(*Socket)) *Socket {
		s := listener
		change(&s)
		return &s
	}
	six := diagPayload()
	six[0] = unix.AF_INET6
	copy(six[8:], netip.MustParseAddr("::ffff:10.0.0.1").AsSlice())
	copy(six[24:], netip.MustParseAddr("fe80::1").AsSlice())
	unknownState, unknownFamily := diagPayload(), diagPayload()
	unknownState[1], unknownFamily[0] = 13, unix.AF_UNIX
	tests := []struct {
		name string
		b    []byte
		want *Socket // nil: malformed
	}{
		{"listener", diagPayload(), &listener},
		{"IPv6", six, with(func(s *Socket) {
			s.Family = unix.AF_INET6
			s.Local, s.Remote = netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("[fe80::1]:0")
		})},
		{"unknown state", unknownState, with(func(s *Socket) { s.State = "" })},
		{"unknown family", unknownFamily, nil},
		{"info, nested flag", diagPayload(attribute(attrInfo|unix.NLA_F_NESTED, 10, 1)), with(func(s *Socket) { s.Info = TCPInfo{10, 1} })},
		{"unknown attribute", diagPayload(attribute(99, 1, 2, 3), attribute(attrInfo, 1)), with(func(s *Socket) { s.Info = TCPInfo{1} })},
		{"half of memory", diagPayload(attribute(attrSkmeminfo, 1, 0, 0, 0, 2, 0)), with(func(s *Socket) { s.Memory.words[0], s.Memory.given = 1, 1 })},
		{"dual stack", wildcard6(0), with(func(s *Socket) {
			s.Family, s.DualStack = unix.AF_INET6, true
			s.Local, s.Remote = netip.MustParseAddrPort("[::]:80"), netip.MustParseAddrPort("[::]:0")
		})},
		{"IPv6 only", wildcard6(1), with(func(s *Socket) {
			s.Family = unix.AF_INET6
			s.Local, s.Remote = netip.MustParseAddrPort("[::]:80"), netip.MustParseAddrPort("[::]:0")
		})},
		{"dual stack of no byte", wildcard6(), with(func(s *Socket) {
			s.Family = unix.AF_INET6
			s.Local, s.Remote = netip.MustParseAddrPort("[::]:80"), netip.MustParseAddrPort("[::]:0")
		})},
		{"cut attribute", diagPayload([]byte{8, 0, attrInfo, 0, 1}), nil},
		{"attribute too short", diagPayload([]byte{3, 0, attrInfo, 0}), nil},
		{"rest of an attribute", diagPayload([]byte{8, 0}), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Socket{UID: 99, Info: TCPInfo{9}} // of the row before
			err := s.decode(tt.b)
			if tt.want == nil {
				if !errors.Is(err, ErrMalformed) {
					t.Errorf("error %v, want %v", err, ErrMalformed)
				}
				return
			}
			check(t, err)
			if diff := cmp.Diff(*tt.want, s, cmp.Comparer(sameAddrPort), cmp.AllowUnexported(Memory{})); diff != "" {
				t.Errorf("socket (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMemoryUnknownIsNotZero(t *testing.T) {
	var m Memory
	if got := m.Drops(); got != (queue.Count{}) {
		t.Errorf("drops not asked for are %+v", got)
	}
	m.decode(make([]byte, 4*8)) // before Linux 4.7
	if got := m.Drops(); got != (queue.Count{}) {
		t.Errorf("drops not given are %+v", got)
	}
	if got := m.Backlog(); got != queue.Known(0) {
		t.Errorf("backlog given is %+v", got)
	}
}

func TestTimerString(t *testing.T) {
	for timer, want := range map[Timer]string{TimerNone: "off", TimerPersist: "persist", 9: "timer 9"} {
		if got := timer.String(); got != want {
			t.Errorf("timer %d is %q, want %q", uint8(timer), got, want)
		}
	}
}

// FuzzAnswer feeds any bytes as a datagram of a dump.
func FuzzAnswer(f *testing.F) {
	row := netlinkMessage(sockDiagByFamily, unix.NLM_F_MULTI, 1, diagPayload(attribute(attrInfo, make([]byte, sizeofTCPInfo)...), attribute(attrSkmeminfo, make([]byte, 36)...)))
	f.Add(row)
	f.Add(append(row, netlinkMessage(unix.NLMSG_DONE, 0, 1, errno(0))...))
	f.Add(netlinkMessage(unix.NLMSG_ERROR, 0, 1, errno(int32(unix.EINVAL))))
	f.Add(row[:len(row)-3])
	f.Fuzz(func(t *testing.T, b []byte) {
		visits := 0
		a := answer{seq: 1, socket: new(Socket), visit: func(s *Socket) error {
			visits++
			for range s.Info.All() {
			}
			s.Listener()
			if !s.Local.IsValid() || !s.Remote.IsValid() || s.Local.Addr().Is4In6() {
				t.Errorf("socket without address: %+v", s)
			}
			return nil
		}}
		err := a.part(b)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("error is %v, want %v", err, ErrMalformed)
		}
		if most := len(b) / (unix.SizeofNlMsghdr + sizeofInetDiagMsg); visits > most {
			t.Errorf("%d sockets in %d bytes", visits, len(b))
		}
	})
}
