package vm

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// cache is the file that keeps what was read of a kernel's packages: a tar
// archive, compressed by zstd, of the image, unpacked too if it can be, and of the
// modules in the order in which they are loaded. Both parts of its name are hashes:
// one of the package's name, one of what the files are. A cache that cannot be read or
// written is none.
type cache struct {
	dir    *os.Root // nil: there is none
	family string   // how the names of all states of the package begin
	file   string
}

// cacheFolder is where caches are in the user's folder for such.
const cacheFolder = "listenq/unpacked"

const cacheEnding = ".tar.zst"

// cacheOf returns the cache for debs as they are now: for the files that they are,
// which a file that only looks alike is not, and for what is taken of them.
func cacheOf(debs []*deb) cache {
	sum := sha256.New()
	fmt.Fprintf(sum, "3 %v\n", needs)
	for _, d := range debs {
		info, err := d.file.Stat()
		if err != nil {
			return cache{}
		}
		s := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(sum, "%d %d %d %v %v\n", s.Dev, s.Ino, s.Size, s.Mtim, s.Ctim)
	}
	name := sha256.Sum256([]byte(debs[0].name))
	c := cache{family: fmt.Sprintf("%x-", name[:8])}
	c.file = c.family + fmt.Sprintf("%x", sum.Sum(nil)[:16]) + cacheEnding
	c.dir, _ = openCache()
	return c
}

// openCache opens the folder of caches, and makes it if it is missing.
func openCache() (*os.Root, error) {
	path, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	if err := ownFolder(path); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.MkdirAll(cacheFolder, 0o700); err != nil {
		return nil, err
	}
	return root.OpenRoot(cacheFolder)
}

// ownFolder makes a folder, and those above it. None of them may be in the hands of
// others than root and this user, who could put a link in its place: root whose HOME
// is a user's would write wherever that leads.
func ownFolder(path string) error {
	if above := filepath.Dir(path); above != path {
		if err := ownFolder(above); err != nil {
			return err
		}
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	foreign := !ownedBy(info, 0) && !ownedBy(info, os.Geteuid())
	open := info.IsDir() && info.Mode()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0
	if foreign || open {
		return fmt.Errorf("%s: others can change it", path)
	}
	return nil
}

func ownedBy(info fs.FileInfo, uid int) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == uid
}

// load returns the kernel, or nil if it is not there whole, or belongs to
// another user: root does not boot what somebody else left in a cache.
func (c cache) load(ctx context.Context) *Kernel {
	if c.dir == nil {
		return nil
	}
	f, err := c.dir.OpenFile(c.file, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	if f, err = onlyRegular(f); err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !ownedBy(info, os.Geteuid()) {
		return nil
	}
	all, err := unpackFrom(f, info.Size(), inPackage)
	if err != nil {
		return nil
	}
	defer all.Close()
	k := &Kernel{}
	err = walkTar(newBudget(ctx).reader(all), func(h *tar.Header, r io.Reader) error {
		data := make([]byte, min(h.Size, max(maxImage, maxVmlinux)))
		_, err := io.ReadFull(r, data)
		switch name, isModule := moduleName(h.Name); {
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
	if c.dir == nil {
		return
	}
	fresh := c.file + "." + rand.Text()
	f, err := c.dir.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	defer c.dir.Remove(fresh) // which is nothing once it has its name
	err = errors.Join(writeTar(f, k), f.Sync(), f.Close())
	if err != nil || c.dir.Rename(fresh, c.file) != nil {
		return
	}
	kept, _ := fs.ReadDir(c.dir.FS(), ".")
	for _, entry := range kept {
		if name := entry.Name(); strings.HasPrefix(name, c.family) && strings.HasSuffix(name, cacheEnding) && name != c.file {
			c.dir.Remove(name)
		}
	}
}

func (c cache) close() {
	if c.dir != nil {
		c.dir.Close()
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
