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
)

// cache is the file that keeps what was read of a kernel's packages: a tar
// archive of the image and of the modules in the order in which they are loaded.
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
	fmt.Fprintf(sum, "1 %v\n", needs)
	for _, d := range debs {
		info, err := d.file.Stat()
		if err != nil {
			return cache{}
		}
		fmt.Fprintf(sum, "%q %d %d\n", filepath.Base(d.path), info.Size(), info.ModTime().UnixNano())
	}
	return cache{filepath.Join(root, "listenq", "unpacked"), debs[0].name, fmt.Sprintf("%x", sum.Sum(nil)[:8])}
}

func (c cache) path() string { return filepath.Join(c.dir, c.name+"-"+c.key+".tar") }

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
	err = walkTar(f, maxUnpacked, func(h *tar.Header, r io.Reader) error {
		data, err := readUpTo(r, maxImage)
		if name, isModule := strings.CutSuffix(h.Name, ".ko"); isModule {
			k.Modules = append(k.Modules, Module{name, data})
		} else {
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
	old, _ := filepath.Glob(filepath.Join(c.dir, c.name+"-????????????????.tar"))
	if os.Rename(f.Name(), c.path()) != nil {
		return
	}
	for _, name := range old {
		if name != c.path() {
			os.Remove(name)
		}
	}
}

func writeTar(w io.Writer, k *Kernel) error {
	t := tar.NewWriter(w)
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
	for _, m := range k.Modules {
		if err := add(m.Name+".ko", m.Code); err != nil {
			return err
		}
	}
	return t.Close()
}
