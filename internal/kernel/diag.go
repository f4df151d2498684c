package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

var (
	// ErrInterrupted says that what was dumped changed meanwhile, so that
	// sockets may be missing or doubled (NLM_F_DUMP_INTR). Linux up to 6.18
	// never says so of sockets.
	ErrInterrupted = errors.New("dump was interrupted")

	// ErrTruncated says that an answer did not fit the buffer.
	ErrTruncated = errors.New("netlink answer truncated")
)

// bufferSize is twice what the kernel packs into one part of a dump at most
// (netlink_recvmsg and netlink_dump, net/netlink/af_netlink.c).
const bufferSize = 64 << 10

// Message kinds of include/uapi/linux/{sock_diag,inet_diag}.h.
const (
	tcpdiagGetsock   = 18 // TCPDIAG_GETSOCK
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY
)

// Diag is a NETLINK_SOCK_DIAG socket. It shows the TCP sockets of the network
// namespace in which the thread was that opened it, for good. It is not safe
// for concurrent use.
type Diag struct {
	fd     int // -1 when closed
	seq    uint32
	out    []byte
	in     []byte
	socket Socket
}

// OpenDiag opens a Diag in the network namespace of the calling thread. It needs
// no privilege.
func OpenDiag() (*Diag, error) { return openDiag(make([]byte, bufferSize)) }

// openDiag opens a Diag that reads into a buffer of the caller's, which several
// may share that are not used at the same time.
func openDiag(in []byte) (*Diag, error) {
	// Non-blocking: the kernel has a part of the dump ready whenever it is
	// read, so there is nothing to wait for (netlink_dump).
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open sock_diag: %w", err)
	}
	// A connected netlink socket takes nothing from anyone but its peer, the kernel.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("connect sock_diag: %w", err)
	}
	return &Diag{fd: fd, in: in}, nil
}

// Close closes the socket. Dump gives os.ErrClosed from then on.
func (d *Diag) Close() error {
	if d.fd < 0 {
		return os.ErrClosed
	}
	fd := d.fd
	d.fd = -1
	return os.NewSyscallError("close", unix.Close(fd))
}

// Request says which sockets to dump, and what of them.
type Request struct {
	// Family is unix.AF_INET, unix.AF_INET6, or unix.AF_UNSPEC for both in one
	// walk of the hash table, which costs hardly more than one of them. All that
	// belongs to a dual-stack listener is AF_INET6, whoever the client: a
	// request has its listener's family (inet_reqsk_alloc, net/ipv4/tcp_input.c).
	Family int
	States StateSet

	// LocalPort and RemotePort let the kernel leave out other sockets; 0 is any.
	// Listeners have no remote port: they are left out if one is given.
	LocalPort, RemotePort uint16

	Info   bool // ask for Socket.Info
	Memory bool // ask for Socket.Memory
}

// Dump calls visit for each TCP socket that the request asks for. The Socket and
// its Info are valid only during the call. If visit returns an error it is not
// called again, and Dump returns that error; the Diag is as good as before, as
// it is after an error that the kernel answered: unix.ENOENT or unix.EOPNOTSUPP
// where it cannot show TCP (module tcp_diag). After ErrMalformed or ErrTruncated,
// close it.
//
// A dump is no snapshot: the kernel walks its hash table bucket by bucket. A
// request and the socket that it becomes share a bucket and its lock, so that
// one of them is seen and not both. But a bucket is read 16 sockets at a time,
// and fewer when an answer is full: in between, sockets that come or go make
// others be seen twice or not at all; and a socket may leave the states asked for
// just before it is written down (inet_diag_dump_icsk, net/ipv4/inet_diag.c; in
// 6.18 tcp_diag_dump, net/ipv4/tcp_diag.c).
func (d *Diag) Dump(req Request, visit func(*Socket) error) error {
	if d.fd < 0 {
		return fmt.Errorf("dump sockets: %w", os.ErrClosed)
	}
	d.seq++
	d.out = req.append(d.out[:0], d.seq)
	if _, err := unix.Write(d.fd, d.out); err != nil {
		return fmt.Errorf("request sockets: %w", err)
	}
	a := answer{seq: d.seq, socket: &d.socket, visit: visit}
	for !a.done {
		n, err := unix.Read(d.fd, d.in)
		if err != nil {
			return fmt.Errorf("read sockets: %w", err)
		}
		if n == len(d.in) { // read(2) does not distinguish a full buffer from a truncated message
			return fmt.Errorf("read sockets: %w", ErrTruncated)
		}
		if err := a.part(d.in[:n]); err != nil {
			return fmt.Errorf("dump sockets: %w", err)
		}
	}
	return a.err
}

// append writes the request as a netlink message. One that names a family is a
// struct inet_diag_req_v2; the older struct inet_diag_req has none that the
// kernel looks at, and gets all of them (inet_diag_dump_compat,
// net/ipv4/inet_diag.c, since 3.3).
func (r Request) append(b []byte, seq uint32) []byte {
	const sizeV2, sizeV1 = unix.SizeofNlMsghdr + 56, unix.SizeofNlMsghdr + 60
	if r.Family == unix.AF_UNSPEC {
		b = appendHeader(b, sizeV1, tcpdiagGetsock, seq)
		b = append(b, unix.AF_INET, 0, 0, r.extensions())
		b = r.appendID(b)
		b = binary.NativeEndian.AppendUint32(b, uint32(r.States))
		return binary.NativeEndian.AppendUint32(b, 0)
	}
	b = appendHeader(b, sizeV2, sockDiagByFamily, seq)
	b = append(b, byte(r.Family), unix.IPPROTO_TCP, r.extensions(), 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(r.States))
	return r.appendID(b)
}

func appendHeader(b []byte, size uint32, kind uint16, seq uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, size)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = binary.NativeEndian.AppendUint32(b, seq)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// appendID writes a struct inet_diag_sockid, of which a dump uses only the ports.
func (r Request) appendID(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, r.LocalPort)
	b = binary.BigEndian.AppendUint16(b, r.RemotePort)
	return append(b, make([]byte, 44)...)
}

// extensions are the attributes asked for: bit n-1 for INET_DIAG_ attribute n.
func (r Request) extensions() (ext byte) {
	if r.Info {
		ext |= 1 << (attrInfo - 1)
	}
	if r.Memory {
		ext |= 1 << (attrSkmeminfo - 1)
	}
	return ext
}

// answer is the state of one dump.
type answer struct {
	seq    uint32
	socket *Socket
	visit  func(*Socket) error

	done        bool
	interrupted bool
	err         error // of the visitor or the kernel
}

// part takes one datagram of the dump. Its error says that the datagram is
// malformed.
func (a *answer) part(b []byte) error {
	for len(b) > 0 && !a.done {
		m, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		if b = rest; m.seq != a.seq { // of a dump that was given up
			continue
		}
		if err := a.message(m); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) message(m message) error {
	if m.flags&unix.NLM_F_DUMP_INTR != 0 {
		a.interrupted = true
	}
	switch m.kind {
	case unix.NLMSG_DONE, unix.NLMSG_ERROR:
		return a.end(m)
	case tcpdiagGetsock, sockDiagByFamily:
		if a.err != nil {
			return nil
		}
		if err := a.socket.decode(m.payload); err != nil {
			return err
		}
		a.err = a.visit(a.socket)
	}
	return nil
}

func (a *answer) end(m message) error {
	errno, err := m.errno()
	if err != nil {
		return err
	}
	a.done = true
	switch {
	case a.err != nil:
	case errno != 0:
		a.err = fmt.Errorf("dump sockets: %w", errno)
	case a.interrupted:
		a.err = fmt.Errorf("dump sockets: %w", ErrInterrupted)
	}
	return nil
}
