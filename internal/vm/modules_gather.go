package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// files calls take with the contents of each file for whose name pick returns
// how many bytes it may have, of a folder or of a package.
type files func(pick func(name string) int64, take func(name string, data []byte) error) error

// folder is the files below root. Links in it are not followed.
func folder(root string) files {
	return func(pick func(string) int64, take func(string, []byte) error) error {
		dir, err := os.OpenRoot(root)
		if err != nil {
			return err
		}
		defer dir.Close()
		return fs.WalkDir(dir.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			path := filepath.Join(root, name)
			limit := pick(filepath.ToSlash(path))
			if limit == 0 {
				return nil
			}
			f, err := dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
			if err != nil {
				return err
			}
			data, err := readFile(f, limit)
			if err != nil {
				return err
			}
			if err := take(filepath.ToSlash(path), data); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			return nil
		})
	}
}

// readFile reads f and closes it.
func readFile(f *os.File, limit int64) ([]byte, error) {
	f, err := onlyRegular(f)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readUpTo(f, limit)
	if errors.Is(err, errTooBig) {
		err = fmt.Errorf("of more than %d MiB, which no kernel has", limit>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return data, nil
}

// gathered is what was found of a kernel.
type gathered struct {
	image   []byte // nil if none was
	builtin map[string]bool
	listed  bool // modules.builtin was found
	modules map[string]found
	asked   map[string]bool // modules that were looked for
	left    int64           // what modules may still have, in bytes
}

type found struct {
	Module
	modinfo
}

// gather reads the image, the list of what is built in and the modules that a
// guest needs, and goes over the files again for what those depend on. Packages
// have no modules.dep: depmod(8) makes it when they are installed.
func gather(sources []files) (*gathered, error) {
	g := &gathered{builtin: map[string]bool{}, modules: map[string]found{}, asked: map[string]bool{}, left: maxModules}
	for _, n := range needs {
		g.asked[n.name] = true
		for _, name := range n.likely {
			g.asked[name] = true
		}
	}
	for again := true; again; again = g.ask() {
		for _, files := range sources {
			if err := files(g.pick, g.take); err != nil {
				return nil, err
			}
		}
		if len(g.asked) > maxAsked {
			return nil, errTooMany
		}
	}
	return g, nil
}

var errTooMany = errors.New("its modules depend on more than a kernel's do; damaged or forged")

// ask adds what the modules depend on to what is asked for, and reports whether
// any of that is new.
func (g *gathered) ask() bool {
	before := len(g.asked)
	for _, m := range g.modules {
		for _, name := range m.depends {
			g.asked[name] = true
		}
	}
	return len(g.asked) > before
}

// pick returns how much of a file is wanted. What is one byte too long for the rest
// of the modules is an error, not left out.
func (g *gathered) pick(name string) int64 {
	if isImage(name) && g.image == nil {
		return maxImage
	}
	if path.Base(name) == "modules.builtin" && !g.listed {
		return 1 << 20
	}
	if m, ok := moduleName(name); ok && g.asked[m] && g.modules[m].Code == nil && len(g.modules) < maxCount {
		return max(g.left, 1)
	}
	return 0
}

// isImage reports whether a package has its kernel's image by that name: Debian
// from 7.0 on has it among the modules, others in /boot.
func isImage(name string) bool {
	dir, base := path.Split(name)
	return strings.HasSuffix(dir, "boot/") && strings.HasPrefix(base, "vmlinuz-") ||
		strings.Contains(dir, "lib/modules/") && base == "vmlinuz"
}

func (g *gathered) take(name string, data []byte) error {
	module, isModule := moduleName(name)
	switch {
	case isModule:
		code, err := unpack(data, g.left, inPackage)
		if err != nil {
			return err
		}
		info, err := readModinfo(code)
		if err != nil {
			return err
		}
		g.left -= int64(len(code))
		g.modules[module] = found{Module{module, code}, info}
	case path.Base(name) == "modules.builtin":
		g.listed = true
		readBuiltin(data, g.builtin)
	default:
		g.image = data
	}
	return nil
}

// readBuiltin adds the modules that modules.builtin lists, a path per line.
func readBuiltin(list []byte, builtin map[string]bool) {
	for line := range strings.Lines(string(list)) {
		if name, ok := moduleName(strings.TrimSpace(line)); ok {
			builtin[name] = true
		}
	}
}

// inOrder returns the modules that guests of that kernel load, each after those
// that it depends on.
func (g *gathered) inOrder(kernel header) ([]Module, error) {
	var order []Module
	state := map[string]bool{} // true once it is in order
	var add func(name, by string) error
	add = func(name, by string) error {
		m, ok := g.modules[name]
		done, begun := state[name]
		switch {
		case done:
			return nil
		case begun:
			return fmt.Errorf("module %s depends on itself", name)
		case !ok && g.builtin[name]:
			return nil
		case !ok:
			return fmt.Errorf("module %s is missing, which %s depends on", name, by)
		case m.release != kernel.release:
			return fmt.Errorf("module %s is of kernel %q, not of %s", name, m.release, kernel.release)
		case m.arch != kernel.arch:
			return fmt.Errorf("module %s is for %s, the kernel for %s", name, m.arch, kernel.arch)
		}
		state[name] = false
		for _, d := range m.depends {
			if err := add(d, name); err != nil {
				return err
			}
		}
		state[name] = true
		order = append(order, m.Module)
		return nil
	}
	for _, n := range needs {
		if _, ok := g.modules[n.name]; !ok {
			continue
		}
		if err := add(n.name, ""); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// missing names the essential modules that were not found and are not built in.
func (g *gathered) missing() []string {
	var names []string
	for _, n := range needs {
		if n.essential && !g.builtin[n.name] && g.modules[n.name].Code == nil {
			names = append(names, n.name)
		}
	}
	return slices.Clip(names)
}
