package vm

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
)

// cache is the file that keeps what was read of a kernel's packages: a tar
// archive, compressed by zstd, of the image, unpacked too if it can be, and of the
// modules in the order in which they are loaded.
// A cache that cannot be read or written is none.
type cache struct {
	dir, name, key string
}

// cacheOf returns the cache for debs as they are now: by their names, sizes and
// times of modification, and by what is taken of them.
func cacheOf(debs []*deb) cache {
	root, err := os.UserCacheDir()
	if err != nil {
		return cache{}
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "2 %v\n", needs)
	for _, d := range debs {
		info, err := d.file.Stat()
		if err != nil {
			return cache{}
		}
		fmt.Fprintf(sum, "%q %d %d\n", filepath.Base(d.path), info.Size(), info.ModTime().UnixNano())
	}
	return cache{filepath.Join(root, "listenq", "unpacked"), debs[0].name, fmt.Sprintf("%x", sum.Sum(nil)[:8])}
}

func (c cache) path() string { return filepath.Join(c.dir, c.name+"-"+c.key+".tar.zst") }

// load returns the kernel, or nil if it is not there whole, or belongs to
// another user: root does not boot what somebody else left in a cache.
func (c cache) load() *Kernel {
	f, err := os.Open(c.path())
	if c.dir == "" || err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return nil
	}
	k := &Kernel{}
	all, err := unpackFrom(f, info.Size())
	if err != nil {
		return nil
	}
	defer all.Close()
	err = walkTar(all, maxUnpacked, func(h *tar.Header, r io.Reader) error {
		data := make([]byte, min(h.Size, maxVmlinux))
		_, err := io.ReadFull(r, data)
		switch name, isModule := strings.CutSuffix(h.Name, ".ko"); {
		case isModule:
			k.Modules = append(k.Modules, Module{name, data})
		case h.Name == entryVmlinux:
			k.Vmlinux = data
		default:
			k.Image = data
		}
		return err
	})
	if err != nil {
		return nil
	}
	h, err := readHeader(k.Image)
	if err != nil {
		return nil
	}
	k.Release, k.Arch = h.release, h.arch
	return k
}

// store writes k in one step, and removes what was kept of earlier states of
// the same package.
func (c cache) store(k *Kernel) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(c.dir, ".new-*")
	if err != nil {
		return
	}
	defer os.Remove(f.Name()) // which is nothing once it has its name
	err = writeTar(f, k)
	if synced := f.Sync(); err == nil {
		err = synced
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return
	}
	old, _ := filepath.Glob(filepath.Join(c.dir, c.name+"-????????????????.tar*"))
	if os.Rename(f.Name(), c.path()) != nil {
		return
	}
	for _, name := range old {
		if name != c.path() {
			os.Remove(name)
		}
	}
}

const entryVmlinux = "vmlinux"

func writeTar(w io.Writer, k *Kernel) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	add := func(name string, data []byte) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err := io.Copy(t, bytes.NewReader(data))
		return err
	}
	if err := add("vmlinuz", k.Image); err != nil {
		return err
	}
	if k.Vmlinux != nil {
		if err := add(entryVmlinux, k.Vmlinux); err != nil {
			return err
		}
	}
	for _, m := range k.Modules {
		if err := add(m.Name+".ko", m.Code); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}
