package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"testing"
)

// record is a packet of a pcap file.
type stored struct {
	seconds, fraction uint32
	data              []byte
	size              int // 0 is len(data)
}

func (s stored) length() uint32 { return uint32(max(s.size, len(s.data))) }

// pcapFile returns such a file.
func pcapFile(o order, magic uint32, link LinkType, packets ...stored) []byte {
	b := o.append32(nil, magic)
	b = o.append16(o.append16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = o.append32(o.append32(b, 65535), uint32(link))
	for _, p := range packets {
		b = o.append32(o.append32(b, p.seconds), p.fraction)
		b = o.append32(o.append32(b, uint32(len(p.data))), p.length())
		b = append(b, p.data...)
	}
	return b
}

// block returns a block of pcapng.
func block(o order, kind uint32, parts ...[]byte) []byte {
	body := padded(bytes.Join(parts, nil))
	size := uint32(len(body) + blockHead + blockTail)
	b := o.append32(o.append32(nil, kind), size)
	return o.append32(append(b, body...), size)
}

func padded(b []byte) []byte { return append(slices.Clip(b), make([]byte, -len(b)&3)...) }

// numbers returns 32-bit numbers.
func numbers(o order, n ...uint32) (b []byte) {
	for _, v := range n {
		b = o.append32(b, v)
	}
	return b
}

// opt returns an option of a block; blocks need no end of options.
func opt(o order, code uint16, value []byte) []byte {
	return append(o.append16(o.append16(nil, code), uint16(len(value))), padded(value)...)
}

func sectionBlock(o order, options ...[]byte) []byte {
	fixed := append(numbers(o, orderMagic), o.append16(o.append16(nil, 1), 0)...)
	return block(o, blockSection, fixed, numbers(o, ^uint32(0), ^uint32(0)), bytes.Join(options, nil))
}

func interfaceBlock(o order, link LinkType, snap uint32, options ...[]byte) []byte {
	fixed := append(o.append16(o.append16(nil, uint16(link)), 0), numbers(o, snap)...)
	return block(o, blockInterface, fixed, bytes.Join(options, nil))
}

// packetBlock has a stamp that counts in the interface's units.
func packetBlock(o order, number uint32, stamp uint64, data []byte, size int, options ...[]byte) []byte {
	fixed := numbers(o, number, uint32(stamp>>32), uint32(stamp), uint32(len(data)), uint32(max(size, len(data))))
	return block(o, blockPacket, fixed, padded(data), bytes.Join(options, nil))
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(b)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// readAll returns the packets of a file, with data of their own, and the error
// that ended it if that was not its end.
func readAll(r io.Reader) (packets []Packet, interfaces []Interface, err error) {
	c, err := NewReader(r, "file")
	if err != nil {
		return nil, nil, err
	}
	for {
		var p Packet
		switch err := c.Next(&p); {
		case err == io.EOF:
			return packets, c.Interfaces(), nil
		case err != nil:
			return packets, c.Interfaces(), err
		}
		p.Data, p.options = bytes.Clone(p.Data), bytes.Clone(p.options)
		packets = append(packets, p)
	}
}
