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
	budget  *budget

	name, version, arch string // as in its control file
}

func openDeb(path string, b *budget) (*deb, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	d := &deb{path: path, file: f, budget: b}
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
	err = d.walk("control.tar", func(h *tar.Header, r io.Reader) error {
		if h.Name != "./control" && h.Name != "control" {
			return nil
		}
		text, err := readUpTo(r, maxControl)
		if err != nil {
			return err
		}
		return d.takeControl(text)
	})
	if err == nil && d.name == "" {
		err = errors.New("damaged package: its control file names no package")
	}
	return err
}

// maxControl bounds a control file, in bytes. Those of kernels have 1 to 3 KB.
const maxControl = 64 << 10

func (d *deb) takeControl(text []byte) error {
	for _, f := range []struct {
		name  string
		into  *string
		valid rule
	}{{"Package", &d.name, packageName}, {"Version", &d.version, packageVersion}, {"Architecture", &d.arch, packageArch}} {
		value := field(text, f.name)
		if !f.valid.MatchString(value) {
			return fmt.Errorf("damaged package: its control file has the %s %.40q", f.name, value)
		}
		*f.into = value
	}
	return nil
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
func (d *deb) walk(prefix string, visit func(*tar.Header, io.Reader) error) error {
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
		if r, err = unpackFrom(io.NewSectionReader(d.file, m.at, m.size), m.size, inPackage); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	defer r.Close()
	if err := walkTar(d.budget.reader(r), visit); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

// walkTar calls visit with each regular file in a tar archive.
func walkTar(r io.Reader, visit func(*tar.Header, io.Reader) error) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == nil && h.Typeflag == tar.TypeReg {
			err = visit(h, t)
		}
		switch {
		case err == io.EOF:
			return nil
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
	err := d.walk("data.tar", func(h *tar.Header, r io.Reader) error {
		limit := pick(h.Name)
		if limit == 0 {
			return nil
		}
		data, err := readUpTo(r, limit)
		if err == nil {
			err = take(h.Name, data)
		}
		if err != nil {
			return fmt.Errorf("%.200q: %w", h.Name, err)
		}
		return nil
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
		p, err := openDeb(filepath.Join(filepath.Dir(d.path), e.Name()), d.budget)
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
