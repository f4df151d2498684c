package wire

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A slot of the ring holds one frame behind its header (struct tpacket2_hdr,
// include/uapi/linux/if_packet.h) and address (struct sockaddr_ll). With a
// header of Ethernet the frame starts at byte 66 (tpacket_rcv, net/packet/af_packet.c).
const (
	slotSize  = 2048
	blockSize = 64 << 10 // the kernel allocates the ring in pieces of this

	offLen        = 4
	offSnapLen    = 8
	offMAC        = 12
	offSec        = 16
	offNsec       = 20
	offPacketType = 32 + 10 // sll_pkttype, behind the header aligned to 16 bytes
)

// ring is a receive ring of TPACKET_V2, shared with the kernel. V3 would hold
// more small frames, but shows none before its block is full or a timer of
// whole milliseconds has run out.
type ring struct {
	mem   []byte
	slots int
	at    int // the slot that the kernel fills next
}

// arrival is what lies in a slot; data is valid until the slot is released.
type arrival struct {
	data     []byte
	stamp    int64 // CLOCK_REALTIME in nanoseconds
	whole    bool  // the slot had room for all of it
	outgoing bool  // sent by this host, where the kernel cannot leave those out (before 4.20)
}

// mapRing gives the socket a ring of at least that many slots.
func mapRing(fd, slots int) (ring, error) {
	const perBlock = blockSize / slotSize
	blocks := (slots + perBlock - 1) / perBlock
	slots = blocks * perBlock
	request := unix.TpacketReq{
		Block_size: blockSize,
		Block_nr:   uint32(blocks),
		Frame_size: slotSize,
		Frame_nr:   uint32(slots),
	}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return ring{}, fmt.Errorf("make ring of %d slots: %w", slots, err)
	}
	mem, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return ring{}, fmt.Errorf("map ring: %w", err)
	}
	return ring{mem: mem, slots: slots}, nil
}

// status is the word by which kernel and wire hand the slot to each other. It
// needs the order of memory that only an atomic operation on the very word
// gives, hence unsafe; mem is mapped to a page, so the word is aligned.
func (r *ring) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.at*slotSize]))
}

// ready reports whether the kernel has filled the slot.
func (r *ring) ready() bool {
	return atomic.LoadUint32(r.status())&unix.TP_STATUS_USER != 0
}

// arrival reads the slot, which is ready.
func (r *ring) arrival() arrival {
	slot := r.mem[r.at*slotSize:][:slotSize]
	u32 := func(at int) int { return int(binary.NativeEndian.Uint32(slot[at:])) }
	start := min(int(binary.NativeEndian.Uint16(slot[offMAC:])), slotSize)
	end := min(start+u32(offSnapLen), slotSize)
	return arrival{
		data:     slot[start:end],
		stamp:    int64(u32(offSec))*1e9 + int64(u32(offNsec)),
		whole:    end-start == u32(offLen),
		outgoing: slot[offPacketType] == unix.PACKET_OUTGOING,
	}
}

// release gives the slot back to the kernel and goes on to the next.
func (r *ring) release() {
	atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
	if r.at++; r.at == r.slots {
		r.at = 0
	}
}
