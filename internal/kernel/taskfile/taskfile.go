// Package taskfile asks the kernel for the listening sockets that processes have
// open, by an eBPF iterator over the files of all tasks (task_file,
// kernel/bpf/task_iter.c, since Linux 5.8; bpf_sock_from_file since 5.11). That is
// one system call for 64 KiB of answers, where /proc takes one for each descriptor
// of the machine, and makes an inode for each.
//
//	it, err := taskfile.Open()
//	…
//	defer it.Close()
//	err = it.Listeners(func(f taskfile.File) { fmt.Println(f.Process, f.FD, f.Inode) })
//
// The program is some thirty instructions, written here, with offsets that the
// kernel's own BTF says. A library would take longer to read BTF than the whole
// search takes. It needs CAP_BPF and CAP_PERFMON and the kernel's initial PID
// namespace, and changes nothing.
package taskfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// ErrNotHere says that this kernel or this PID namespace has no such iterator, or
// that the kernel lacks what the program calls.
var ErrNotHere = errors.New("no iterator over the files of tasks")

// File is a descriptor of a listening socket.
type File struct {
	Process int    // thread group ID
	Thread  int    // of threads that share their descriptors the first
	FD      int    // number
	Inode   uint64 // of the socket
}

// Iterator is a loaded program. It is not safe for concurrent use.
type Iterator struct {
	link *os.File
	part []byte
}

// Open loads the program.
func Open() (*Iterator, error) {
	if !initialPIDs() || strconv.IntSize != 64 {
		return nil, ErrNotHere
	}
	btf, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		return nil, err
	}
	layout, err := readLayout(btf)
	if err != nil {
		return nil, err
	}
	link, err := load(layout)
	if err != nil {
		return nil, err
	}
	return &Iterator{link: link, part: make([]byte, 64<<10)}, nil
}

// initialPIDs reports whether the caller's process IDs are those that the kernel
// itself uses (PROC_PID_INIT_INO, include/linux/proc_ns.h).
func initialPIDs() bool {
	name, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && name == "pid:[4026531836]"
}

// Close unloads the program.
func (it *Iterator) Close() error { return it.link.Close() }

// Listeners calls visit for each descriptor of a listening socket, TCP or not.
func (it *Iterator) Listeners(visit func(File)) error {
	run, err := start(it.link)
	if err != nil {
		return err
	}
	defer run.Close()
	kept := 0
	for {
		n, err := read(run, it.part[kept:])
		if n == 0 {
			if err != io.EOF || kept > 0 {
				return fmt.Errorf("read iterator: %w after %d bytes", err, kept)
			}
			return nil
		}
		rest := it.part[:kept+n]
		for ; len(rest) >= recordSize; rest = rest[recordSize:] {
			visit(decode(rest))
		}
		kept = copy(it.part, rest)
	}
}

// recordSize is that of what the program writes for each descriptor.
const recordSize = 24

func decode(b []byte) File {
	return File{
		Inode:   binary.NativeEndian.Uint64(b),
		Process: int(binary.NativeEndian.Uint32(b[8:])),
		Thread:  int(binary.NativeEndian.Uint32(b[12:])),
		FD:      int(binary.NativeEndian.Uint32(b[16:])),
	}
}
