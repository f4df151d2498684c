package sandbox

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The most that can be packed.
const (
	maxPacked = 256 << 20 // bytes
	maxNames  = 10_000    // files and folders
)

// Pack copies files of the host, for Spec.Copies: those below the folder dir that are
// named, folders with all below them, as a tar archive in memory. Of names that are
// only mentioned it takes those that are regular files, and leaves out the rest. It
// returns nil if there is nothing to pack.
//
// Nothing hidden is packed (a name that begins with a dot: keys, settings, histories),
// nothing that is no regular file, and nothing outside of dir, where links lead to, too.
func Pack(dir string, named, mentioned []string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fd, err := unix.MemfdCreate("files", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	archive := os.NewFile(uintptr(fd), "files")
	p := &packer{dir: dir, root: root, to: tar.NewWriter(archive), packed: map[string]bool{}}
	if err := p.all(named, mentioned); err != nil || len(p.packed) == 0 {
		return nil, errors.Join(err, archive.Close())
	}
	return archive, nil
}

type packer struct {
	dir    string
	root   *os.Root
	to     *tar.Writer
	packed map[string]bool
	bytes  int64
}

func (p *packer) all(named, mentioned []string) error {
	for _, name := range named {
		if err := p.tree(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range mentioned {
		if name, ok := p.local(name); ok {
			if err := p.mention(name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return p.to.Close()
}

// mention packs a file, if it is one and may be shown.
func (p *packer) mention(name string) error {
	if info, err := p.root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	err := p.file(name)
	if errors.Is(err, errTooMuch) {
		return err
	}
	return nil
}

// What cannot be packed.
var (
	errHidden    = errors.New("hidden files are not shown to experiments")
	errElsewhere = errors.New("not below the folder of the script")
	errWhole     = errors.New("the whole folder: name what is needed of it")
	errNoFile    = errors.New("neither a regular file nor a folder")
	errTooMuch   = fmt.Errorf("with it the script has more than %d MiB or %d files", maxPacked>>20, maxNames)
)

// tree packs a file, or a folder with all below it.
func (p *packer) tree(name string) error {
	local, ok := p.local(name)
	if !ok {
		return errElsewhere
	}
	if local == "." {
		return errWhole
	}
	real, err := p.real(local)
	if err != nil {
		return err
	}
	info, err := p.root.Lstat(real)
	switch {
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return p.file(local)
	case !info.IsDir():
		return errNoFile
	}
	return fs.WalkDir(p.root.FS(), local, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case hidden(path.Base(name)) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir():
			return p.folder(name)
		}
		return p.mention(name)
	})
}

// local is a name relative to the folder, and whether it is below that.
func (p *packer) local(name string) (string, bool) {
	if filepath.IsAbs(name) {
		var err error
		if name, err = filepath.Rel(p.dir, name); err != nil {
			return "", false
		}
	}
	name = filepath.Clean(name)
	return name, filepath.IsLocal(name)
}

// hidden reports whether a part of a path begins with a dot.
func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > 1 && part[0] == '.' {
			return true
		}
	}
	return false
}

// real is the name without links of what may be shown. What a link leads to is looked at
// as the name is: a link may point at what is hidden.
func (p *packer) real(name string) (string, error) {
	if hidden(name) {
		return "", errHidden
	}
	if _, err := p.root.Stat(name); err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(filepath.Join(p.dir, name))
	if err != nil {
		return "", err
	}
	if real, err = filepath.Rel(p.dir, real); err != nil || !filepath.IsLocal(real) {
		return "", errElsewhere
	}
	if hidden(real) {
		return "", errHidden
	}
	return real, nil
}

// file packs one file that is not there yet.
func (p *packer) file(name string) error {
	if p.packed[name] {
		return nil
	}
	real, err := p.real(name)
	if err != nil {
		return err
	}
	f, err := p.root.OpenFile(real, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errNoFile
	}
	if p.bytes += info.Size(); p.bytes > maxPacked {
		return errTooMuch
	}
	if err := p.entry(&tar.Header{Name: name, Mode: int64(info.Mode().Perm()&0o755 | 0o444), Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.CopyN(p.to, f, info.Size())
	return err
}

func (p *packer) folder(name string) error {
	return p.entry(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755})
}

func (p *packer) entry(h *tar.Header) error {
	if p.packed[h.Name] = true; len(p.packed) > maxNames {
		return errTooMuch
	}
	return p.to.WriteHeader(h)
}

// unpack writes what was packed below dir, and returns the names at its top.
func unpack(archive io.Reader, dir string) (top []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	seen := map[string]bool{}
	for in := tar.NewReader(archive); ; {
		h, err := in.Next()
		if err == io.EOF {
			return top, nil
		}
		if err == nil {
			err = unpackOne(root, h, in)
		}
		if err != nil {
			return nil, err
		}
		if first, _, _ := strings.Cut(h.Name, "/"); !seen[first] {
			seen[first] = true
			top = append(top, first)
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return root.MkdirAll(h.Name, 0o755)
	}
	if err := root.MkdirAll(path.Dir(h.Name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = root.Chtimes(h.Name, h.ModTime, h.ModTime)
	}
	return err
}
