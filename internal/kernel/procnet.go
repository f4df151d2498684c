package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrProcTable is what is wrong with a line of /proc/net/tcp that is not as
// get_tcp4_sock (net/ipv4/tcp_ipv4.c) and its like write it.
var ErrProcTable = errors.New("malformed socket table")

// procTable reads /proc/net/tcp and tcp6 of one network namespace, where there is
// no sock_diag. They show no limit, no drops, no cookie and no TCP_INFO.
type procTable struct {
	files  []procFile
	in     []byte
	socket Socket
}

type procFile struct {
	file   *os.File
	family int
}

// openProcTable opens the files of a folder that is /proc/net of a namespace. It
// reads into a buffer of the caller's.
func openProcTable(dir string, in []byte) (*procTable, error) {
	t := &procTable{in: in}
	four, err := os.Open(dir + "tcp")
	if err != nil {
		return nil, err
	}
	t.files = append(t.files, procFile{four, unix.AF_INET})
	six, err := os.Open(dir + "tcp6")
	switch {
	case err == nil:
		t.files = append(t.files, procFile{six, unix.AF_INET6})
	case !errors.Is(err, fs.ErrNotExist): // as it is in a kernel without IPv6
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Close closes the files.
func (t *procTable) Close() error {
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.file.Close())
	}
	return errors.Join(errs...)
}

// Dump calls visit for each socket in the states that the request asks for; the
// rest of the request is ignored. The Socket is valid only during the call. A
// dump of listeners alone reads no further than the last of them.
func (t *procTable) Dump(req Request, visit func(*Socket) error) error {
	for _, f := range t.files {
		if err := t.dump(f, req.States, visit); err != nil {
			return fmt.Errorf("read %s: %w", f.file.Name(), err)
		}
	}
	return nil
}

func (t *procTable) dump(f procFile, states StateSet, visit func(*Socket) error) error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	header, have := true, 0
	for {
		n, err := f.file.Read(t.in[have:])
		if err == io.EOF && have == 0 {
			return nil
		}
		if err != nil { // at the end of the file with half a line, too
			return err
		}
		have += n
		whole := bytes.LastIndexByte(t.in[:have], '\n') + 1
		lines := t.in[:whole]
		if header && whole > 0 {
			_, lines = cutLine(lines)
			header = false
		}
		done, err := t.lines(lines, f.family, states, visit)
		if done || err != nil {
			return err
		}
		have = copy(t.in, t.in[whole:have])
	}
}

// lines takes whole lines. It reports whether there is nothing more to be had: all
// listeners come before all else (tcp_seq_start, net/ipv4/tcp_ipv4.c).
func (t *procTable) lines(b []byte, family int, states StateSet, visit func(*Socket) error) (done bool, err error) {
	for len(b) > 0 {
		var line []byte
		line, b = cutLine(b)
		number, err := t.socket.decodeProc(line, family)
		if err != nil {
			return true, err
		}
		switch in := StateSet(1) << number; {
		case states&in != 0:
			if err := visit(&t.socket); err != nil {
				return true, err
			}
		case states == listenOnly:
			return true, nil
		}
	}
	return false, nil
}

// decodeProc sets s to what a line shows, and returns the number of its state.
func (s *Socket) decodeProc(line []byte, family int) (state uint8, err error) {
	var w procWords
	w.rest = line
	w.next(' ') // the number of the line
	*s = Socket{Family: family}
	s.Local, s.Remote = w.address(family), w.address(family)
	state = uint8(w.hex(' ', 8))
	s.SendQ, s.RecvQ = uint32(w.hex(':', 32)), uint32(w.hex(' ', 32))
	s.Timer = Timer(w.hex(':', 8))
	// In ticks of USER_HZ (jiffies_delta_to_clock_t), 100 of which are a second.
	s.Expires = time.Duration(w.hex(' ', 48)) * 10 * time.Millisecond
	s.Retransmits = int(w.hex(' ', 32))
	s.UID = w.decimal()
	w.next(' ') // unanswered probes
	s.Inode = w.decimal()
	if w.bad {
		return 0, fmt.Errorf("%w: %.80q", ErrProcTable, line)
	}
	if int(state) < len(states) {
		s.State = states[state]
	}
	return state, nil
}

// procWords takes a line of a socket table apart.
type procWords struct {
	rest []byte
	bad  bool
}

// next is the next word; it ends with that byte or with the line.
func (w *procWords) next(end byte) []byte {
	w.rest = bytes.TrimLeft(w.rest, " ")
	word := w.rest
	if i := bytes.IndexByte(w.rest, end); i >= 0 {
		word, w.rest = w.rest[:i], w.rest[i+1:]
	} else {
		w.rest = nil
	}
	w.bad = w.bad || len(word) == 0
	return word
}

func (w *procWords) hex(end byte, bits int) uint64 {
	v, ok := parseHex(w.next(end), bits)
	w.bad = w.bad || !ok
	return v
}

func (w *procWords) decimal() uint32 {
	v, ok := parseCounter(w.next(' '))
	w.bad = w.bad || !ok || v > 1<<32-1
	return uint32(v)
}

// address is "0100007F:0050": the words of the address as the machine would write
// them as numbers, and the port.
func (w *procWords) address(family int) netip.AddrPort {
	var raw [16]byte
	size := 4
	if family == unix.AF_INET6 {
		size = 16
	}
	text := w.next(':')
	w.bad = w.bad || len(text) != 2*size
	for i := 0; i < size && !w.bad; i += 4 {
		v, ok := parseHex(text[2*i:2*i+8], 32)
		binary.NativeEndian.PutUint32(raw[i:], uint32(v))
		w.bad = !ok
	}
	ip := netip.AddrFrom16(raw).Unmap()
	if family == unix.AF_INET {
		ip = netip.AddrFrom4([4]byte(raw[:4]))
	}
	return netip.AddrPortFrom(ip, uint16(w.hex(' ', 16)))
}

// parseHex parses capital hexadecimal digits. It takes no sign and no underscore,
// as strconv.ParseUint would.
func parseHex(word []byte, bits int) (v uint64, ok bool) {
	if len(word) == 0 || len(word) > 16 {
		return 0, false
	}
	for _, c := range word {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | uint64(c-'0')
		case c >= 'A' && c <= 'F':
			v = v<<4 | uint64(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, v>>bits == 0
}
