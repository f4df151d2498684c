package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrMalformed is what is wrong with an answer that is not as the kernel writes
// them: a length that does not fit, or a message too short for its kind.
var ErrMalformed = errors.New("malformed netlink message")

// message is one netlink message (struct nlmsghdr, include/uapi/linux/netlink.h).
type message struct {
	kind    uint16
	flags   uint16
	seq     uint32
	payload []byte
}

// nextMessage splits the first message off a datagram. Messages start at
// multiples of 4 bytes; after the last one the padding may be missing.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < unix.SizeofNlMsghdr {
		return m, nil, fmt.Errorf("%w: header of %d bytes", ErrMalformed, len(b))
	}
	size := binary.NativeEndian.Uint32(b)
	if size < unix.SizeofNlMsghdr || uint64(size) > uint64(len(b)) {
		return m, nil, fmt.Errorf("%w: length %d in %d bytes", ErrMalformed, size, len(b))
	}
	m = message{
		kind:    binary.NativeEndian.Uint16(b[4:]),
		flags:   binary.NativeEndian.Uint16(b[6:]),
		seq:     binary.NativeEndian.Uint32(b[8:]),
		payload: b[unix.SizeofNlMsghdr:size],
	}
	return m, b[min(aligned(int(size)), len(b)):], nil
}

// errno is what a message of kind NLMSG_ERROR or NLMSG_DONE carries; 0 is success.
func (m message) errno() (unix.Errno, error) {
	if len(m.payload) < 4 {
		return 0, fmt.Errorf("%w: no errno", ErrMalformed)
	}
	return unix.Errno(-int32(binary.NativeEndian.Uint32(m.payload))), nil
}

// nextAttribute splits the first attribute (struct nlattr) off a message's tail.
func nextAttribute(b []byte) (kind uint16, value, rest []byte, err error) {
	if len(b) < unix.SizeofNlAttr {
		return 0, nil, nil, fmt.Errorf("%w: attribute of %d bytes", ErrMalformed, len(b))
	}
	size := int(binary.NativeEndian.Uint16(b))
	if size < unix.SizeofNlAttr || size > len(b) {
		return 0, nil, nil, fmt.Errorf("%w: attribute length %d in %d bytes", ErrMalformed, size, len(b))
	}
	kind = binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	return kind, b[unix.SizeofNlAttr:size], b[min(aligned(size), len(b)):], nil
}

func aligned(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }
