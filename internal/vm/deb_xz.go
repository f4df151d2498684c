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
	// Blocks are unpacked side by side in memory if they, their windows and their
	// number are small: dpkg-deb makes blocks of 24 MiB with windows of 8.
	maxBlock       = 32 << 20
	maxBlockWindow = 16 << 20
	maxBlocks      = 4
	maxIndex       = 1 << 20
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
func (b xzBlock) open(r io.ReaderAt, header []byte, window int64) (io.Reader, error) {
	index := append([]byte{0, 1}, b.record...)
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	tail := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), header[6:8]...)
	footer := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(tail))
	footer = append(append(footer, tail...), "YZ"...)
	return xz.NewReader(io.MultiReader(bytes.NewReader(header), io.NewSectionReader(r, b.at, b.size),
		bytes.NewReader(index), bytes.NewReader(footer)), uint32(window))
}

// xzReader reads a stream whose blocks are unpacked on several cores.
type xzReader struct {
	open     func(b xzBlock, window int64) (io.Reader, error)
	window   int64
	unpacked chan chan xzResult // in the order of the blocks
	stop     chan struct{}
	now      io.Reader
}

// xzResult is an unpacked block, or one that is left to the reader.
type xzResult struct {
	block xzBlock
	data  []byte
	big   bool
	err   error
}

// newXz reads the size bytes of r, which may have windows of that many bytes.
func newXz(r io.ReaderAt, size, window int64) (*xzReader, error) {
	blocks, header, err := readXzIndex(r, size)
	if err != nil {
		return nil, err
	}
	x := &xzReader{
		open:   func(b xzBlock, window int64) (io.Reader, error) { return b.open(r, header, window) },
		window: window,
		// What is queued and what is read now.
		unpacked: make(chan chan xzResult, min(runtime.GOMAXPROCS(0), maxBlocks)-1),
		stop:     make(chan struct{}),
		now:      bytes.NewReader(nil),
	}
	go x.unpack(blocks)
	return x, nil
}

func (x *xzReader) unpack(blocks []xzBlock) {
	defer close(x.unpacked)
	for _, b := range blocks {
		result := make(chan xzResult, 1)
		select {
		case x.unpacked <- result:
		case <-x.stop:
			return
		}
		go func() { result <- x.unpackBlock(b) }()
	}
}

// unpackBlock unpacks b into memory, or leaves it to the reader if it is too big.
func (x *xzReader) unpackBlock(b xzBlock) xzResult {
	if b.unpacked > maxBlock {
		return xzResult{block: b, big: true}
	}
	var data []byte
	stream, err := x.open(b, min(x.window, maxBlockWindow))
	if err == nil {
		data, err = readUpTo(stream, b.unpacked)
	}
	return xzResult{block: b, data: data, big: errors.Is(err, xz.ErrMemlimit), err: err}
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
		x.now, err = bytes.NewReader(block.data), block.err
		if block.big {
			x.now, err = x.open(block.block, x.window)
		}
		if err != nil {
			return 0, err
		}
	}
}

// Close ends the unpacking of what was not read.
func (x *xzReader) Close() error {
	close(x.stop)
	return nil
}
