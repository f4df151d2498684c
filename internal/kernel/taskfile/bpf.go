package taskfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From include/uapi/linux/bpf.h.
const (
	commandLoad = 5  // BPF_PROG_LOAD
	commandLink = 28 // BPF_LINK_CREATE
	commandIter = 33 // BPF_ITER_CREATE
	typeTracing = 26 // BPF_PROG_TYPE_TRACING
	attachIter  = 28 // BPF_TRACE_ITER

	instructionSize = 8
)

// licence allows bpf_seq_write, which is for programs that say so.
const licence = "Dual BSD/GPL\x00"

// load loads the program and links it to the iterator, which then keeps it.
func load(l layout) (*os.File, error) {
	code, err := program(l)
	if err != nil {
		return nil, fmt.Errorf("write program: %w", err)
	}
	text := []byte(licence)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&code[0])
	pin.Pin(&text[0])

	a := make(attributes, 120)
	a.set32(0, typeTracing)
	a.set32(4, uint32(len(code)/instructionSize))
	a.set64(8, uint64(uintptr(unsafe.Pointer(&code[0]))))
	a.set64(16, uint64(uintptr(unsafe.Pointer(&text[0]))))
	a.set32(68, attachIter)
	a.set32(108, l.iterator)
	loaded, err := a.call(commandLoad)
	if err != nil {
		return nil, fmt.Errorf("load iterator: %w", err)
	}
	defer unix.Close(loaded)

	a = make(attributes, 32)
	a.set32(0, uint32(loaded))
	a.set32(8, attachIter)
	link, err := a.call(commandLink)
	if err != nil {
		return nil, fmt.Errorf("link iterator: %w", err)
	}
	return os.NewFile(uintptr(link), "link of iterator"), nil
}

// start starts an iteration from the beginning.
func start(link *os.File) (*os.File, error) {
	a := make(attributes, 8)
	a.set32(0, uint32(link.Fd()))
	fd, err := a.call(commandIter)
	if err != nil {
		return nil, fmt.Errorf("start iterator: %w", err)
	}
	return os.NewFile(uintptr(fd), "iterator"), nil
}

// read reads again after a million files that were none of ours (MAX_ITER_OBJECTS,
// kernel/bpf/bpf_iter.c).
func read(f *os.File, into []byte) (int, error) {
	for {
		n, err := unix.Read(int(f.Fd()), into)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// attributes are a union bpf_attr.
type attributes []byte

func (a attributes) set32(at int, v uint32) { binary.NativeEndian.PutUint32(a[at:], v) }
func (a attributes) set64(at int, v uint64) { binary.NativeEndian.PutUint64(a[at:], v) }

// call returns the descriptor that the command makes, which is closed on exec.
func (a attributes) call(command uintptr) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(unsafe.Pointer(&a[0])), uintptr(len(a)))
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
