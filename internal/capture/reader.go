package capture

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"listenq/internal/evidence"
)

// Reader reads one capture file. It is not safe for concurrent use.
type Reader struct {
	name       string
	window     *window
	next       func(*Packet) error // of the format of the file
	interfaces []Interface
	number     int

	pcap pcap
	ng   pcapng
}

// NewReader reads a capture file, which errors call by that name: pcap or
// pcapng, plain or gzip.
func NewReader(r io.Reader, name string) (*Reader, error) {
	plain := bufio.NewReader(r)
	if magic, err := plain.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b { // RFC 1952, 2.3.1
		unpacked, err := gzip.NewReader(plain)
		if err != nil {
			return nil, &DamageError{name, 0, "no gzip header: " + err.Error()}
		}
		return open(unpacked, name)
	}
	return open(plain, name)
}

// open looks at the first bytes for the format.
func open(r io.Reader, name string) (*Reader, error) {
	c := &Reader{name: name, window: newWindow(r)}
	magic, err := c.window.peek(4)
	switch {
	case err == io.EOF && len(magic) == 0:
		return nil, &DamageError{name, 0, "the file is empty"}
	case err != nil:
		return nil, c.failed(len(magic), err)
	case little.u32(magic) == blockSection:
		c.next = c.nextBlock
		return c, nil
	}
	if err := c.readHeader(magic); err != nil {
		return nil, err
	}
	c.next = c.nextRecord
	return c, nil
}

// Interfaces are those that were named so far, in the order in which the file
// names them.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Next reads a packet into p. It returns io.EOF at the end of the file and a
// *DamageError where that is cut or damaged.
func (r *Reader) Next(p *Packet) error {
	if err := r.next(p); err != nil {
		return err
	}
	r.number++
	p.Number = r.number
	link := r.interfaces[p.Interface].Link
	if d, device := cooked(link, p.Data); device != 0 || d != UnknownDirection {
		p.Direction, p.Device = d, device
	}
	s, skip := locate(link, p.Data, p.Size)
	p.Skip, p.Cut, p.ID = skip, false, s.id
	if skip != Taken {
		p.Segment = evidence.Packet{}
		return nil
	}
	s.read(&p.Segment)
	p.Segment.Number = p.Number
	p.Cut = len(s.tcp) < s.header()
	return nil
}

// failed is the error of a read that gave n bytes of something that is longer.
func (r *Reader) failed(n int, err error) error {
	switch {
	case err == io.EOF && n == 0:
		return io.EOF
	case err == io.EOF:
		return r.damaged("the file ends in the middle: %d bytes are left", n)
	case errors.Is(err, io.ErrUnexpectedEOF): // of gzip
		return r.damaged("the file ends in the middle of what gzip packed")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return r.damaged("%v", err)
	}
	return fmt.Errorf("read %s: %w", r.name, err)
}

// damaged says what is wrong at the place where the window is.
func (r *Reader) damaged(format string, args ...any) error {
	return &DamageError{r.name, r.window.offset, fmt.Sprintf(format, args...)}
}
