package kernel

import (
	"encoding/binary"
	"fmt"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// Memory is how much memory a socket holds, in bytes, and how many packets it
// dropped (sk_get_meminfo, net/core/sock.c; the fields are those of struct sock).
// What the kernel did not give is unknown.
type Memory struct {
	words [unix.SK_MEMINFO_VARS]uint32
	given int
}

func (m *Memory) decode(b []byte) {
	m.given = min(len(b)/4, len(m.words))
	for i := range m.given {
		m.words[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
}

// countsDrops reports that a kernel of that release counts the drops of listeners: Linux
// before 4.7 does not (tcp_listendrop, include/net/tcp.h), though some distributions' hand out the field.
func countsDrops(release string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return true
	}
	return major > 4 || major == 4 && minor >= 7
}

func (m Memory) count(i int) queue.Count {
	if i >= m.given {
		return queue.Count{}
	}
	return queue.Known(uint64(m.words[i]))
}

// RmemAlloc is the memory of packets received and not yet read.
func (m Memory) RmemAlloc() queue.Count { return m.count(unix.SK_MEMINFO_RMEM_ALLOC) }

// Rcvbuf is the limit of RmemAlloc.
func (m Memory) Rcvbuf() queue.Count { return m.count(unix.SK_MEMINFO_RCVBUF) }

// WmemAlloc is the memory of packets handed to the device.
func (m Memory) WmemAlloc() queue.Count { return m.count(unix.SK_MEMINFO_WMEM_ALLOC) }

// Sndbuf is the limit of WmemQueued.
func (m Memory) Sndbuf() queue.Count { return m.count(unix.SK_MEMINFO_SNDBUF) }

// FwdAlloc is memory reserved and not yet used.
func (m Memory) FwdAlloc() queue.Count { return m.count(unix.SK_MEMINFO_FWD_ALLOC) }

// WmemQueued is the memory of the send queue.
func (m Memory) WmemQueued() queue.Count { return m.count(unix.SK_MEMINFO_WMEM_QUEUED) }

// Optmem is the memory of socket options, filters for one.
func (m Memory) Optmem() queue.Count { return m.count(unix.SK_MEMINFO_OPTMEM) }

// Backlog is the memory of packets that came while the socket was in use. It has
// nothing to do with the backlog of listen().
func (m Memory) Backlog() queue.Count { return m.count(unix.SK_MEMINFO_BACKLOG) }

// Drops is sk_drops, since Linux 4.7; it wraps at 2^32. A listener counts one
// for a SYN dropped and two for a final ACK dropped (tcp_listendrop,
// include/net/tcp.h, and again tcp_v4_rcv), and others that are no overflow.
func (m Memory) Drops() queue.Count { return m.count(unix.SK_MEMINFO_DROPS) }
