package vm

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxUnpacked bounds the bytes that a package may unpack to. Debian's kernels
// are of 110 to 410 MB, those with debugging information below 2 GB.
const maxUnpacked = 4 << 30

// member is one file of an ar archive, as deb(5) packages are.
type member struct {
	name     string
	at, size int64
}

// readAr lists the members of the ar archive in the size bytes of r.
func readAr(r io.ReaderAt, size int64) ([]member, error) {
	const magic, header = "!<arch>\n", 60
	buf := make([]byte, header)
	if n, _ := r.ReadAt(buf[:min(size, 8)], 0); string(buf[:n]) != magic {
		return nil, errors.New("not a Debian package: " + describe(buf[:n]))
	}
	var members []member
	for at := int64(len(magic)); at < size; {
		if size-at < header {
			return nil, errTruncated
		}
		if _, err := r.ReadAt(buf, at); err != nil {
			return nil, err
		}
		length, err := strconv.ParseInt(strings.TrimRight(string(buf[48:58]), " "), 10, 64)
		if err != nil || length < 0 || string(buf[58:]) != "`\n" || len(members) == 16 {
			return nil, errors.New("damaged package: no member of an ar archive at byte " + strconv.FormatInt(at, 10))
		}
		m := member{strings.TrimRight(string(buf[:16]), " /"), at + header, length}
		if length > size-m.at {
			return nil, errTruncated
		}
		members = append(members, m)
		at = m.at + (length+1)&^1
	}
	return members, nil
}

var errTruncated = errors.New("truncated package: fetch it again")

// deb is an opened Debian or Ubuntu package.
type deb struct {
	path    string
	file    *os.File
	members []member

	name, version, arch string // as in its control file
}

func openDeb(path string) (*deb, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	d := &deb{path: path, file: f}
	if err := d.readControl(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func (d *deb) readControl() error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	if d.members, err = readAr(d.file, info.Size()); err != nil {
		return err
	}
	err = d.walk("control.tar", 16<<20, func(h *tar.Header, r io.Reader) error {
		if h.Name != "./control" && h.Name != "control" {
			return nil
		}
		text, err := readUpTo(r, 1<<20)
		if err != nil {
			return err
		}
		d.name, d.version, d.arch = field(text, "Package"), field(text, "Version"), field(text, "Architecture")
		return nil
	})
	if err == nil && d.name == "" {
		err = errors.New("damaged package: its control file names no package")
	}
	return err
}

// field returns the field of that name in a control file.
func field(control []byte, name string) string {
	for line := range bytes.Lines(control) {
		if value, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// walk calls visit with each regular file in the tar archive that the member
// called prefix holds, however it is compressed.
func (d *deb) walk(prefix string, limit int64, visit func(*tar.Header, io.Reader) error) error {
	i := slices.IndexFunc(d.members, func(m member) bool {
		return m.name == prefix || strings.HasPrefix(m.name, prefix+".")
	})
	if i < 0 {
		return fmt.Errorf("damaged package: it has no %s", prefix)
	}
	m := d.members[i]
	var r io.ReadCloser = io.NopCloser(io.NewSectionReader(d.file, m.at, m.size))
	if m.name != prefix {
		var err error
		if r, err = unpackFrom(io.NewSectionReader(d.file, m.at, m.size), m.size); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	defer r.Close()
	if err := walkTar(r, limit, visit); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

func walkTar(r io.Reader, limit int64, visit func(*tar.Header, io.Reader) error) error {
	bounded := &io.LimitedReader{R: r, N: limit}
	t := tar.NewReader(bounded)
	for {
		h, err := t.Next()
		if err == nil && h.Typeflag == tar.TypeReg {
			err = visit(h, t)
		}
		switch {
		case err == io.EOF && bounded.N > 0:
			return nil
		case bounded.N <= 0:
			return errTooBig
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errTruncated
		case errors.Is(err, tar.ErrHeader):
			return errors.New("damaged package: no tar archive in it")
		case err != nil:
			return err
		}
	}
}

func (d *deb) files(pick func(string) int64, take func(string, []byte) error) error {
	err := d.walk("data.tar", maxUnpacked, func(h *tar.Header, r io.Reader) error {
		limit := pick(h.Name)
		if limit == 0 {
			return nil
		}
		data, err := readUpTo(r, limit)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		return take(h.Name, data)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", d.path, err)
	}
	return nil
}

// partName matches the packages over which distributions spread one kernel.
var partName = regexp.MustCompile(`^linux-(?:image|binary|modules|modules-extra|base)(?:-unsigned)?-([0-9][^/]*)$`)

// parts opens the packages beside d that hold parts of the same build of the
// same kernel. Their files have the names that apt gives them.
func (d *deb) parts() ([]*deb, error) {
	of := partName.FindStringSubmatch(strings.Replace(d.name, "modules-extra-", "modules-", 1))
	if of == nil {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Dir(d.path))
	if err != nil {
		return nil, nil
	}
	var parts []*deb
	for _, e := range entries {
		name, ending, _ := strings.Cut(e.Name(), "_")
		part := partName.FindStringSubmatch(strings.Replace(name, "modules-extra-", "modules-", 1))
		if part == nil || part[1] != of[1] || name == d.name || ending != d.version+"_"+d.arch+".deb" {
			continue
		}
		p, err := openDeb(filepath.Join(filepath.Dir(d.path), e.Name()))
		if err != nil {
			closeAll(parts)
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func closeAll(debs []*deb) {
	for _, d := range debs {
		d.file.Close()
	}
}
