package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"path/filepath"
	"testing"
)

// block is one of pcapng.
func block(kind uint32, body []byte) []byte {
	size := uint32(12 + len(body))
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, size)
	return binary.LittleEndian.AppendUint32(append(b, body...), size)
}

// option is one of a block, of a length that is a multiple of four.
func option(code uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, code)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(value))), value...)
}

var (
	section  = block(0x0a0d0d0a, append([]byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 8)...))
	ethernet = []byte{1, 0, 0, 0, 0, 0, 0, 0}
	text     = bytes.Repeat([]byte("x\x1b[2"), 256)
)

// TestCaptures reads captures of a few megabytes that ask for more than there is.
func TestCaptures(t *testing.T) {
	texts := func(codes ...uint16) []byte {
		b := bytes.Clone(ethernet)
		for _, code := range codes {
			b = append(b, option(code, text)...)
		}
		return b
	}
	comments := make([]uint16, 100)
	for i := range comments {
		comments[i] = 1
	}
	names := append([]byte{1, 0, 8, 0, 192, 0, 2, 1, 'x', 0x1b, '[', 0}, 0, 0, 0, 0)
	for _, c := range []struct {
		name  string
		block []byte
		times int
	}{
		{"comments of interfaces", block(1, texts(comments...)), 1 << 14},
		{"texts of interfaces", block(1, texts(2, 3, 11)), 1 << 14},
		{"interfaces", block(1, ethernet), 1 << 20},
		{"sections", section, 1 << 22},
		{"sections with an interface", append(bytes.Clone(section), block(1, ethernet)...), 1 << 18},
		{"names", block(4, bytes.Repeat(names, 1<<12)), 1 << 12},
		{"large blocks", block(0xbad, make([]byte, 15<<20)), 64},
		{"packets without a packet", append(block(1, ethernet), block(3, []byte{0, 0, 0, 0})...), 1 << 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			w.Write(section)
			for range c.times {
				w.Write(c.block)
			}
			check(t, w.Close())
			asEach(t, func(t *testing.T, u user) {
				dir := u.dir(t)
				file := u.write(t, filepath.Join(dir, "x.pcapng.gz"), packed.String())
				u.read(t, dir, "explain", file)
				u.read(t, dir, "explain", "--annotate", filepath.Join(dir, "out"), file)
			})
		})
	}
}
