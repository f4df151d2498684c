package wire

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// DefaultSlots is the size of a ring where none is given: 2 MiB. So many frames
// may arrive while the wire's thread waits for a CPU; when it has one, it moves
// them to a pool that holds 64 Ki small frames.
const DefaultSlots = 1024

// Port is an interface that the wire reads and writes. Once a wire has it, only
// the wire may use it until its Run has returned.
type Port struct {
	name    string
	fd      int
	ring    ring
	dropped uint64 // frames that found the ring full
}

// OpenPort opens an interface in the network namespace of the calling thread,
// with a receive ring of that many frames (2 KiB each), or DefaultSlots if 0.
// It needs CAP_NET_RAW in the namespace's user namespace.
func OpenPort(ifname string, slots int) (*Port, error) {
	if slots == 0 {
		slots = DefaultSlots
	}
	// Protocol 0 hears nothing: no frame of another interface gets into the
	// ring before the socket is bound to this one.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	p := &Port{name: ifname, fd: fd}
	if err := p.setup(slots); err != nil {
		return nil, errors.Join(fmt.Errorf("open interface %s: %w", ifname, err), p.Close())
	}
	return p, nil
}

func (p *Port) setup(slots int) error {
	if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return fmt.Errorf("set ring version: %w", err)
	}
	// Both save work and change nothing else: the first is of Linux 4.20, the second of 3.14.
	for _, option := range []int{unix.PACKET_IGNORE_OUTGOING, unix.PACKET_QDISC_BYPASS} {
		err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, option, 1)
		if err != nil && !errors.Is(err, unix.ENOPROTOOPT) {
			return fmt.Errorf("set packet option %d: %w", option, err)
		}
	}
	var err error
	if p.ring, err = mapRing(p.fd, slots); err != nil {
		return err
	}
	ifr, err := unix.NewIfreq(p.name)
	if err != nil {
		return fmt.Errorf("find interface: %w", err)
	}
	if err := unix.IoctlIfreq(p.fd, unix.SIOCGIFINDEX, ifr); err != nil {
		return fmt.Errorf("find interface: %w", err)
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
	address := unix.SockaddrLinklayer{Protocol: all, Ifindex: int(ifr.Uint32())}
	if err := unix.Bind(p.fd, &address); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// Close gives the ring and the socket back.
func (p *Port) Close() error {
	var err error
	if p.ring.mem != nil {
		err = unix.Munmap(p.ring.mem)
		p.ring = ring{}
	}
	if err = errors.Join(err, unix.Close(p.fd)); err != nil {
		return fmt.Errorf("close interface %s: %w", p.name, err)
	}
	return nil
}

// send writes a frame. Refused without an error is for the moment: the kernel
// has no room (ENOBUFS, EAGAIN), or the other end is down (ENOBUFS). With an
// error no other frame will do better.
//
// A frame is written, not put into a TX ring: veth hands the very pages to the
// receiver, and packet_mmap says that they are free before it has read them.
func (p *Port) send(frame []byte) (refused bool, err error) {
	_, err = unix.Write(p.fd, frame)
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EAGAIN):
		return true, nil
	}
	return true, fmt.Errorf("write to interface %s: %w", p.name, err)
}

// failure returns the error that poll announced: ENETDOWN if the interface
// went down or away (packet_notifier, net/packet/af_packet.c).
func (p *Port) failure() error {
	code, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		return fmt.Errorf("read interface %s: %w", p.name, err)
	}
	return nil
}

// drops returns how many frames found the ring full since the port was opened.
func (p *Port) drops() uint64 {
	// The kernel counts from the last time it was asked. It can fail only
	// on a socket that is closed, and then nothing has come since.
	if s, err := unix.GetsockoptTpacketStats(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		p.dropped += uint64(s.Drops)
	}
	return p.dropped
}
