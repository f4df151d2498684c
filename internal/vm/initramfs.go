package vm

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
)

// File is a file, folder or symbolic link of a guest's initramfs.
type File struct {
	Path string      // in the guest, as in init or etc/hosts
	Mode fs.FileMode // its type and permissions
	Data []byte      // what is in it, or where it leads to
	Host string      // if not empty, the file of this machine whose contents it has
}

// WriteInitramfs writes a cpio archive in the form newc
// (Documentation/driver-api/early-userspace/buffer-format.rst) with the kernel's
// modules as modules/NNN-NAME.ko, numbered from 000 in the order in which they
// have to be loaded, and with files. Folders above them are made. Files of this
// machine are streamed.
func (k *Kernel) WriteInitramfs(w io.Writer, files []File) error {
	c := &cpio{w: bufio.NewWriterSize(w, 1<<16), folders: map[string]bool{".": true}}
	for i, m := range k.Modules {
		files = append(files[:len(files):len(files)], File{Path: fmt.Sprintf("modules/%03d-%s.ko", i, m.Name), Mode: 0o644, Data: m.Code})
	}
	for _, f := range files {
		if err := c.add(f); err != nil {
			return fmt.Errorf("initramfs: %s: %w", f.Path, err)
		}
	}
	c.header("TRAILER!!!", 0, 0)
	return c.w.Flush()
}

// cpio writes an archive; its writer keeps the first error.
type cpio struct {
	w       *bufio.Writer
	inode   uint32
	folders map[string]bool // made already
}

func (c *cpio) add(f File) error {
	name := path.Clean(strings.TrimLeft(f.Path, "/"))
	if name == "." || name == ".." || strings.HasPrefix(name, "../") {
		return fmt.Errorf("not a path in the guest")
	}
	c.makeFolders(path.Dir(name))
	switch {
	case f.Mode.IsDir():
		c.makeFolders(name)
	case f.Mode.Type() == fs.ModeSymlink:
		c.entry(name, 0o120777, f.Data)
	case !f.Mode.IsRegular():
		return fmt.Errorf("a file of mode %s has no place here", f.Mode)
	case f.Host != "":
		return c.stream(name, f)
	default:
		c.entry(name, 0o100000|uint32(f.Mode.Perm()), f.Data)
	}
	return nil
}

func (c *cpio) makeFolders(name string) {
	if c.folders[name] {
		return
	}
	c.makeFolders(path.Dir(name))
	c.folders[name] = true
	c.header(name, 0o40755, 0)
}

func (c *cpio) entry(name string, mode uint32, data []byte) {
	c.header(name, mode, uint32(len(data)))
	c.w.Write(data)
	c.pad(len(data))
}

func (c *cpio) stream(name string, f File) error {
	host, err := openRegular(f.Host)
	if err != nil {
		return err
	}
	defer host.Close()
	info, err := host.Stat()
	switch {
	case err != nil:
		return err
	case info.Size() > math.MaxUint32:
		return fmt.Errorf("%s is larger than 4 GiB", f.Host)
	}
	c.header(name, 0o100000|uint32(f.Mode.Perm()), uint32(info.Size()))
	n, err := io.Copy(c.w, io.LimitReader(host, info.Size()))
	if err == nil && n < info.Size() {
		err = fmt.Errorf("%s became shorter while it was read", f.Host)
	}
	c.pad(int(n))
	return err
}

func (c *cpio) header(name string, mode, size uint32) {
	c.inode++
	links := 1
	fmt.Fprintf(c.w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	c.pad(110 + len(name) + 1)
}

// pad fills up to a multiple of 4 bytes after n.
func (c *cpio) pad(n int) { c.w.WriteString("\x00\x00\x00"[:-n&3]) }
