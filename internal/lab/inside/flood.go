package inside

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"listenq/internal/capture"
	"listenq/internal/kernel"
	"listenq/internal/lab/network"
	"listenq/internal/lab/script"
)

// The senders of a flood: the networks kept for benchmarks (RFC 2544) and a
// part of the one kept for documentation (RFC 3849).
var (
	spoofedIPv4 = netip.MustParsePrefix("198.18.0.0/15")
	spoofedIPv6 = netip.MustParsePrefix("2001:db8:f::/48")
)

// martianIPv4 are addresses that no packet of a network may have (RFC 1122, 3.2.1.3).
var martianIPv4 = netip.MustParsePrefix("127.0.0.9/8")

// The ports of a flood that comes from one address: those of no client of the script.
const firstFloodPort, floodPorts = 40001, 20000

// floodBatch is how often the sender of a flood pauses.
const floodBatch = time.Millisecond

// flood sends bare SYNs to a server of the script. They go out of the client's
// interface, whose other end is the lab's wire: there is no way for them to
// anywhere else.
func (e *experiment) flood(ctx context.Context, do script.Flood) error {
	fd, err := e.openFlood()
	if err != nil {
		return fmt.Errorf("flood: %w", err)
	}
	f := newSpoofed(e.net.Client.Addr, e.server(do.To).address, do.From)
	e.obs.ExpectFlood()
	if do.Background {
		e.floods.start(func(ctx context.Context) error { return f.send(ctx, fd, do) })
		return nil
	}
	began := time.Now()
	defer func() { e.prescribed += time.Since(began) }()
	return f.send(ctx, fd, do)
}

// send sends a flood and closes fd.
func (f *spoofed) send(ctx context.Context, fd int, do script.Flood) error {
	defer unix.Close(fd)
	began := time.Now()
	for sent := 0; sent < do.Count && ctx.Err() == nil; {
		due := min(do.Count, int(time.Since(began).Seconds()*float64(do.Rate))+1)
		for ; sent < due; sent++ {
			if err := sendFrame(fd, f.next(uint32(sent))); err != nil {
				return fmt.Errorf("flood: %w", err)
			}
		}
		time.Sleep(floodBatch)
	}
	return nil
}

// floods are those in the background.
type floods struct {
	ctx     context.Context
	cancel  context.CancelFunc
	sending errgroup.Group
	under   atomic.Int32 // how many go on
}

func newFloods() *floods {
	f := &floods{}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

func (f *floods) start(send func(context.Context) error) {
	f.under.Add(1)
	f.sending.Go(func() error {
		defer f.under.Add(-1)
		return send(f.ctx)
	})
}

// goOn reports whether one has not ended yet.
func (f *floods) goOn() bool { return f.under.Load() > 0 }

// stop ends them.
func (f *floods) stop() error {
	f.cancel()
	return f.sending.Wait()
}

// endFloods ends those that outlast the script.
func (e *experiment) endFloods(ctx context.Context) error {
	outlasts := e.floods.goOn()
	if err := e.floods.stop(); err != nil || !outlasts {
		return err
	}
	return e.settle(ctx)
}

// openFlood opens a packet socket that only sends, out of the client's interface.
func (e *experiment) openFlood() (fd int, err error) {
	err = kernel.InNetns(int(e.net.Client.Netns.Fd()), func() error {
		out, err := net.InterfaceByName(network.HostInterface)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open packet socket: %w", err)
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: out.Index})
	})
	return fd, err
}

// sendFrame writes a frame, again if the interface has no room for it now.
func sendFrame(fd int, frame []byte) error {
	for {
		_, err := unix.Write(fd, frame)
		if err != unix.ENOBUFS && err != unix.EINTR {
			return err
		}
		time.Sleep(floodBatch)
	}
}

// spoofed makes SYNs to one server, each from another address.
type spoofed struct {
	frame  []byte
	source []byte // the part of the frame that is the sender's address
	from   netip.Addr
	sender script.Sender
	tcp    []byte
	ip     []byte // the IPv4 header; nil for IPv6
}

func newSpoofed(client netip.Addr, server netip.AddrPort, sender script.Sender) *spoofed {
	const ethernet, tcp = 14, 20
	ip := 20
	if client.Is6() {
		ip = 40
	}
	f := &spoofed{frame: make([]byte, ethernet+ip+tcp), sender: sender}
	copy(f.frame, network.ServerMAC)
	copy(f.frame[6:], network.ClientMAC)
	header := f.frame[ethernet : ethernet+ip]
	if client.Is6() {
		binary.BigEndian.PutUint16(f.frame[12:], unix.ETH_P_IPV6)
		header[0], header[5], header[6], header[7] = 0x60, tcp, unix.IPPROTO_TCP, 64
		f.from, f.source = spoofedIPv6.Addr(), header[8:24]
		copy(header[24:], server.Addr().AsSlice())
	} else {
		binary.BigEndian.PutUint16(f.frame[12:], unix.ETH_P_IP)
		header[0], header[3], header[8], header[9] = 0x45, 40, 64, unix.IPPROTO_TCP
		f.from, f.source, f.ip = spoofedIPv4.Addr(), header[12:16], header
		copy(header[16:], server.Addr().AsSlice())
	}
	switch sender {
	case script.Client:
		f.from = client
	case script.Martians:
		f.from = martianIPv4.Addr()
		if client.Is6() {
			f.from = netip.IPv6Loopback()
		}
	}
	f.tcp = f.frame[ethernet+ip:]
	binary.BigEndian.PutUint16(f.tcp[2:], server.Port())
	f.tcp[12], f.tcp[13] = 5<<4, 2 // no options; SYN
	binary.BigEndian.PutUint16(f.tcp[14:], 65535)
	return f
}

// next is the n-th SYN; it is valid until the one after it. Addresses repeat
// after 65,536, then with other ports.
func (f *spoofed) next(n uint32) []byte {
	copy(f.source, f.from.AsSlice())
	if f.sender == script.Spoofed {
		last := f.source[len(f.source)-2:]
		binary.BigEndian.PutUint16(last, uint16(n))
		binary.BigEndian.PutUint16(f.tcp, uint16(1024+n>>16))
	} else {
		binary.BigEndian.PutUint16(f.tcp, uint16(firstFloodPort+n%floodPorts))
	}
	binary.BigEndian.PutUint32(f.tcp[4:], n*2654435761) // sequence numbers that do not count up
	if f.ip != nil {
		f.ip[10], f.ip[11] = 0, 0
		binary.BigEndian.PutUint16(f.ip[10:], ^onesSum(f.ip))
	}
	capture.FillChecksums(f.frame)
	return f.frame
}

// onesSum is the ones' complement sum of RFC 1071.
func onesSum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum)
}
