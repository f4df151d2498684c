package capture

import "io"

const (
	// windowSize is read at once. It stays in the cache of the processor.
	windowSize = 256 << 10

	// maxBlock is the longest block or record that is believed. Frames are of
	// 512 KiB at most (GSO_MAX_SIZE, include/linux/netdevice.h).
	maxBlock = 16 << 20
)

// window is the part of a stream that is looked at.
type window struct {
	r        io.Reader
	buf      []byte
	from, to int   // the part of buf that is still to be taken
	offset   int64 // of from in the stream
	err      error // of the last read
}

func newWindow(r io.Reader) *window { return &window{r: r, buf: make([]byte, windowSize)} }

// peek returns the next n bytes, until the next call. At the end of the stream
// it returns fewer, with the error that ended it.
func (w *window) peek(n int) ([]byte, error) {
	if w.to-w.from < n {
		return w.fill(n)
	}
	return w.buf[w.from : w.from+n], nil
}

// fill reads until there are n bytes. It makes room for what has come, not for
// what is announced.
func (w *window) fill(n int) ([]byte, error) {
	copy(w.buf, w.buf[w.from:w.to])
	w.from, w.to = 0, w.to-w.from
	for idle := 0; w.to < n && w.err == nil; {
		if w.to == len(w.buf) {
			w.buf = append(w.buf, make([]byte, len(w.buf))...)
		}
		var got int
		got, w.err = w.r.Read(w.buf[w.to:])
		w.to += got
		if idle++; got > 0 {
			idle = 0
		}
		if idle == 100 {
			w.err = io.ErrNoProgress
		}
	}
	if w.to < n {
		return w.buf[:w.to], w.err
	}
	return w.buf[:n], nil
}

// take passes n bytes that were peeked at.
func (w *window) take(n int) {
	w.from += n
	w.offset += int64(n)
}
