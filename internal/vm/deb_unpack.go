package vm

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// errTooBig is of data that unpacks to more than any kernel has.
var errTooBig = errors.New("unpacks to more than a kernel can have; damaged or forged")

// compression names the way in which data that begins so is compressed: gzip,
// xz or zstd, and "" for every other beginning.
func compression(data []byte) string {
	for kind, magic := range map[string]string{"gzip": "\x1f\x8b", "xz": "\xfd7zXZ\x00", "zstd": "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return kind
		}
	}
	return ""
}

// windows bound how far back xz and zstd may refer, in bytes, which is memory. A
// forged header asks for 4 GiB.
type windows struct{ xz, zstd int64 }

// inPackage are those of dpkg-deb at its highest levels, and of modules.
var inPackage = windows{xz: 64 << 20, zstd: 32 << 20}

// ofKernel are the windows of a kernel's own payload of that size: zstd -22 and
// scripts/xz_wrap.sh have 128 MiB. Nothing that small unpacks to so much.
func ofKernel(size int) windows {
	window := min(128<<20, max(1<<20, 16*int64(size)))
	return windows{window, window}
}

// unpack returns data unpacked, and errTooBig if that is of more than limit
// bytes. What is not compressed is returned as it is.
func unpack(data []byte, limit int64, w windows) ([]byte, error) {
	if compression(data) == "" {
		return data, nil
	}
	r, err := unpackFrom(bytes.NewReader(data), int64(len(data)), w)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readUpTo(r, limit)
}

// unpackFrom reads the size bytes of r unpacked.
func unpackFrom(r io.ReaderAt, size int64, w windows) (io.ReadCloser, error) {
	begin := make([]byte, min(size, 6))
	if _, err := r.ReadAt(begin, 0); err != nil {
		return nil, err
	}
	all := io.NewSectionReader(r, 0, size)
	switch kind := compression(begin); kind {
	case "gzip":
		return gzip.NewReader(all)
	case "xz":
		return newXz(r, size, w.xz)
	case "zstd":
		d, err := zstd.NewReader(all, zstd.WithDecoderMaxWindow(uint64(max(w.zstd, zstd.MinWindowSize))), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("compressed in an unknown way: it begins with % x", begin)
}

// readUpTo reads all of r, and errTooBig if that is of more than limit bytes.
func readUpTo(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errTooBig
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("truncated")
	}
	return data, err
}
