package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"runtime"

	"github.com/mikelolasagasti/xz"
)

const (
	// maxWindow bounds the window of xz and zstd, in bytes: 128 MiB is that
	// of zstd -22, as in kernels. A forged header asks for 4 GiB.
	maxWindow = 128 << 20
	// maxBlock bounds the blocks of xz that are unpacked in memory.
	maxBlock = 64 << 20
	maxIndex = 1 << 20
)

var errXz = errors.New("damaged or truncated: not a whole xz stream")

// xzBlock is one block of a stream, which can be unpacked by itself.
type xzBlock struct {
	at, size int64 // in the file, padding included
	record   []byte
	unpacked int64
}

// readXzIndex finds the blocks of the only stream in r by the index at its end,
// and returns them with the stream's header. Several threads of dpkg-deb make
// blocks of 24 MiB (https://tukaani.org/xz/xz-file-format.txt, 4).
func readXzIndex(r io.ReaderAt, size int64) ([]xzBlock, []byte, error) {
	header, footer := make([]byte, 12), make([]byte, 12)
	if size < 32 {
		return nil, nil, errXz
	}
	if _, err := r.ReadAt(header, 0); err != nil {
		return nil, nil, err
	}
	if _, err := r.ReadAt(footer, size-12); err != nil {
		return nil, nil, err
	}
	length := (int64(binary.LittleEndian.Uint32(footer[4:])) + 1) * 4
	if string(footer[10:]) != "YZ" || length < 8 || length > min(maxIndex, size-24) {
		return nil, nil, errXz
	}
	index := make([]byte, length)
	if _, err := r.ReadAt(index, size-12-length); err != nil {
		return nil, nil, err
	}
	if index[0] != 0 || crc32.ChecksumIEEE(index[:length-4]) != binary.LittleEndian.Uint32(index[length-4:]) {
		return nil, nil, errXz
	}
	blocks, err := readXzRecords(index[1:length-4], size-24-length)
	return blocks, header, err
}

// readXzRecords reads the records of an index, whose blocks fill the data.
func readXzRecords(index []byte, data int64) ([]xzBlock, error) {
	count, n := binary.Uvarint(index)
	if n <= 0 || count > uint64(len(index))/2 {
		return nil, errXz
	}
	index = index[n:]
	blocks, at := make([]xzBlock, 0, count), int64(12)
	for range count {
		packed, n := binary.Uvarint(index)
		unpacked, m := binary.Uvarint(index[max(n, 0):])
		if n <= 0 || m <= 0 || packed == 0 || packed > uint64(data) || unpacked > maxUnpacked {
			return nil, errXz
		}
		b := xzBlock{at: at, size: int64(packed+3) &^ 3, record: index[:n+m], unpacked: int64(unpacked)}
		blocks, at, data, index = append(blocks, b), at+b.size, data-b.size, index[n+m:]
		if data < 0 {
			return nil, errXz
		}
	}
	if data != 0 {
		return nil, errXz
	}
	return blocks, nil
}

// open reads block b of r as a stream of its own: the same header, and an index
// of this block alone.
func (b xzBlock) open(r io.ReaderAt, header []byte) (io.Reader, error) {
	index := append([]byte{0, 1}, b.record...)
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	tail := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), header[6:8]...)
	footer := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(tail))
	footer = append(append(footer, tail...), "YZ"...)
	return xz.NewReader(io.MultiReader(bytes.NewReader(header), io.NewSectionReader(r, b.at, b.size),
		bytes.NewReader(index), bytes.NewReader(footer)), maxWindow)
}

// xzReader reads a stream whose blocks are unpacked on all cores.
type xzReader struct {
	unpacked chan chan xzResult // in the order of the blocks
	stop     chan struct{}
	now      io.Reader
}

type xzResult struct {
	r   io.Reader
	err error
}

func newXz(r io.ReaderAt, size int64) (*xzReader, error) {
	blocks, header, err := readXzIndex(r, size)
	if err != nil {
		return nil, err
	}
	// What is queued and what is read now: as many blocks are in memory as
	// there are cores.
	x := &xzReader{unpacked: make(chan chan xzResult, max(runtime.GOMAXPROCS(0)-1, 0)), stop: make(chan struct{}), now: bytes.NewReader(nil)}
	go func() {
		defer close(x.unpacked)
		for _, b := range blocks {
			result := make(chan xzResult, 1)
			select {
			case x.unpacked <- result:
			case <-x.stop:
				return
			}
			go func() { result <- b.unpack(r, header) }()
		}
	}()
	return x, nil
}

// unpack unpacks b into memory, or leaves it to the reader if it is too big.
func (b xzBlock) unpack(r io.ReaderAt, header []byte) xzResult {
	stream, err := b.open(r, header)
	if err != nil || b.unpacked > maxBlock {
		return xzResult{stream, err}
	}
	data, err := readUpTo(stream, b.unpacked)
	return xzResult{bytes.NewReader(data), err}
}

func (x *xzReader) Read(p []byte) (int, error) {
	for {
		n, err := x.now.Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		result, more := <-x.unpacked
		if !more {
			return 0, io.EOF
		}
		block := <-result
		if block.err != nil {
			return 0, block.err
		}
		x.now = block.r
	}
}

// Close ends the unpacking of what was not read.
func (x *xzReader) Close() error {
	close(x.stop)
	return nil
}
