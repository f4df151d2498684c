package wire

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// offloads are the commands that turn off what hands work from the stack to the
// device (include/uapi/linux/ethtool.h): a capture shows segments as they are only
// without it.
var offloads = []struct {
	name    string
	command uint32
}{
	{"rx-checksum", unix.ETHTOOL_SRXCSUM}, {"tx-checksum", unix.ETHTOOL_STXCSUM}, {"scatter-gather", unix.ETHTOOL_SSG},
	{"tcp-segmentation", unix.ETHTOOL_STSO}, {"generic-segmentation", unix.ETHTOOL_SGSO}, {"generic-receive", unix.ETHTOOL_SGRO},
}

// ethtoolValue is struct ethtool_value: a command, and its argument, 0 for off.
type ethtoolValue [2]uint32

// ethtoolRequest is struct ifreq with a pointer in it, which is a pointer to Go,
// too: what it points to may move with the goroutine's stack.
type ethtoolRequest struct {
	name  [unix.IFNAMSIZ]byte
	value *ethtoolValue
	_     [24 - unsafe.Sizeof(uintptr(0))]byte
}

// offloadNothing turns the offloads of an interface of the calling thread's
// namespace off, but for those that it cannot change, as lo its checksums.
func offloadNothing(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	for _, o := range offloads {
		r := ethtoolRequest{value: &ethtoolValue{o.command}}
		copy(r.name[:unix.IFNAMSIZ-1], name)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))); errno != 0 && errno != unix.EOPNOTSUPP {
			return fmt.Errorf("turn %s of %s off: %w", o.name, name, errno)
		}
	}
	return nil
}
