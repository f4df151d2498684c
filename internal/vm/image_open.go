package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Kernel is a kernel to boot: its image, and the modules that a guest needs.
type Kernel struct {
	Path    string // as given
	Release string // as in uname -r, from the image
	Arch    string // GOARCH
	Image   []byte // a bzImage, or an Image of arm64
	Vmlinux []byte // the same as an ELF file that QEMU boots faster; nil if there is none
	Modules []Module
}

// Open reads a kernel: a vmlinuz, a Debian or Ubuntu package of a kernel, or a
// folder with the packages of one. Parts of a kernel that has several packages
// are looked for beside the one given, by the names that apt gives to files.
//
// Modules come from the folder or package called modules; if that is empty, from
// the kernel's packages, or from where they belong to a vmlinuz: lib/modules
// beside or above it, or /lib/modules of this machine. An empty folder is for a
// kernel that has everything built in. What is read of packages is kept in the
// user's cache folder, where there is one: to unpack them takes seconds.
//
// A kernel and its packages are taken for hostile: reading them is bounded in memory
// (below 1 GiB) and time, and nothing that they say becomes a path on this machine.
// Errors begin with the path and say what it is instead.
func Open(ctx context.Context, path, modules string) (*Kernel, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	file := path
	if info.IsDir() {
		if file, err = imagePackage(path); err != nil {
			return nil, err
		}
	}
	isPackage, err := isDeb(file)
	if err != nil {
		return nil, err
	}
	var k *Kernel
	if isPackage {
		k, err = openPackage(ctx, file, modules)
	} else {
		k, err = openImage(ctx, file, modules)
	}
	if err != nil {
		return nil, err
	}
	k.Path = path
	return k, nil
}

func isDeb(path string) (bool, error) {
	f, err := openRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, 8)
	n, err := f.Read(magic)
	if n == 0 && err != nil {
		return false, fmt.Errorf("%s: not a kernel: it is empty or cannot be read", path)
	}
	return bytes.Equal(magic, []byte("!<arch>\n")), nil
}

// imagePackage finds the package in dir that a kernel's other packages belong to.
func imagePackage(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var images []string
	for _, e := range entries {
		name, ending, _ := strings.Cut(e.Name(), "_")
		if strings.HasPrefix(name, "linux-image-") && strings.HasSuffix(ending, ".deb") {
			images = append(images, filepath.Join(dir, e.Name()))
		}
	}
	switch len(images) {
	case 0:
		return "", fmt.Errorf("%s: a folder without a kernel's package: no linux-image-*.deb in it", dir)
	case 1:
		return images[0], nil
	}
	return "", fmt.Errorf("%s: a folder with %d kernels; name one, as in %s", dir, len(images), images[0])
}

func openPackage(ctx context.Context, path, modules string) (*Kernel, error) {
	d, err := openDeb(path, newBudget(ctx))
	if err != nil {
		return nil, err
	}
	debs := []*deb{d}
	defer func() { closeAll(debs) }()
	parts, err := d.parts()
	if err != nil {
		return nil, err
	}
	debs = append(debs, parts...)
	if modules != "" {
		return readPackages(debs, modules)
	}
	cache := cacheOf(debs)
	defer cache.close()
	if k := cache.load(ctx); k != nil {
		return k, nil
	}
	k, err := readPackages(debs, "")
	if err == nil {
		cache.store(k)
	}
	return k, err
}

func readPackages(debs []*deb, modules string) (*Kernel, error) {
	var sources []files
	var where []string
	for _, d := range debs {
		sources, where = append(sources, d.files), append(where, d.path)
	}
	if modules != "" {
		more, done, err := modulesFrom(debs[0].budget, modules)
		if err != nil {
			return nil, err
		}
		defer done()
		// First, so that they win over the packages' own.
		sources, where = append([]files{more}, sources...), []string{modules}
	}
	g, err := gather(sources)
	if err != nil {
		return nil, err
	}
	if g.image == nil {
		return nil, fmt.Errorf("%s: no kernel in package %s, nor in others of version %s beside it; the image may be in linux-binary-*",
			debs[0].path, debs[0].name, debs[0].version)
	}
	return g.kernel(debs[0].path, where, false)
}

// modulesFrom returns the files of a folder or a package of modules.
func modulesFrom(b *budget, path string) (source files, done func(), err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("modules: %w", err)
	}
	if info.IsDir() {
		return folder(path), func() {}, nil
	}
	d, err := openDeb(path, b)
	if err != nil {
		return nil, nil, fmt.Errorf("modules: %w", err)
	}
	return d.files, func() { d.file.Close() }, nil
}

func openImage(ctx context.Context, path, modules string) (*Kernel, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	data, err := readFile(f, maxImage)
	if err != nil {
		return nil, err
	}
	image, h, err := readImage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	where := []string{modules}
	if modules == "" {
		where = places(path, h.release)
	}
	for _, place := range where {
		if _, err := os.Stat(place); modules == "" && errors.Is(err, os.ErrNotExist) {
			continue
		}
		source, done, err := modulesFrom(newBudget(ctx), place)
		if err != nil {
			return nil, err
		}
		defer done()
		g, err := gather([]files{source})
		if err != nil {
			return nil, err
		}
		g.image = image
		return g.kernel(path, []string{place}, modules != "" && len(g.modules) == 0 && !g.listed)
	}
	return nil, fmt.Errorf("%s: no modules of kernel %s: looked for %s; name their folder or package with --modules, an empty folder if all is built in",
		path, h.release, strings.Join(where, ", "))
}

// places are where the modules of the vmlinuz at path may be: around it in an
// unpacked package, or installed.
func places(path, release string) []string {
	dir := filepath.Dir(path)
	above := filepath.Dir(dir)
	places := []string{
		filepath.Join(dir, "lib/modules", release),
		filepath.Join(above, "lib/modules", release),
		filepath.Join(above, "usr/lib/modules", release),
		filepath.Join("/lib/modules", release),
	}
	if filepath.Base(dir) == release {
		places = append([]string{dir}, places...)
	}
	return places
}

// kernel makes the kernel of what was gathered. With allBuiltin, modules that
// are not there are taken to be built in.
func (g *gathered) kernel(path string, where []string, allBuiltin bool) (*Kernel, error) {
	image, h, err := readImage(g.image)
	if err == nil && !allBuiltin {
		err = g.complete(h.release, where)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	order, err := g.inOrder(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; looked in %s", path, err, strings.Join(where, ", "))
	}
	return &Kernel{Release: h.release, Arch: h.arch, Image: image, Vmlinux: vmlinux(image), Modules: order}, nil
}

// complete returns which essential modules are missing.
func (g *gathered) complete(release string, where []string) error {
	missing := g.missing()
	if len(missing) == 0 {
		return nil
	}
	why := "nor are they built in"
	if !g.listed {
		why = "and modules.builtin, which lists what is built in, is missing, too"
	}
	return fmt.Errorf("kernel %s is without the modules %s, %s; looked in %s; name their folder or package with --modules",
		release, strings.Join(missing, ", "), why, strings.Join(where, ", "))
}
