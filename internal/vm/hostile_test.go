package vm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// allBelow lists all files below a folder, with their sizes.
func allBelow(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		all = append(all, fmt.Sprintf("%s %v %d", strings.TrimPrefix(path, dir), info.Mode(), info.Size()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestNamesThatLeadElsewhere opens packages whose control file says that.
func TestNamesThatLeadElsewhere(t *testing.T) {
	for _, name := range []string{
		"../../victim", "../../*", "/victim", "..", "linux/../../victim", "linux-image-[a-z]*", "linux image",
		"linux-image\x1b[2J", "linux-image\x00", "Linux", "a", "größer", strings.Repeat("a", 4000),
	} {
		for field, control := range map[string][3]string{
			"Package":      {name, "1", "amd64"},
			"Version":      {"linux-image-" + release, name + "/..", "amd64"},
			"Architecture": {"linux-image-" + release, "1", "../" + name},
		} {
			t.Run(fmt.Sprintf("%s %.20q", field, name), func(t *testing.T) {
				cache := ownCache(t)
				write(t, filepath.Join(cache, "victim-0123456789abcdef.tar"), []byte("not yours"))
				before := allBelow(t, cache)
				path := filepath.Join(t.TempDir(), "x.deb")
				write(t, path, debWith(control[0], control[1], control[2], packings[1], whole(release)))
				if _, err := Open(t.Context(), path, ""); err == nil || !strings.Contains(err.Error(), "its control file has the "+field) {
					t.Errorf("error %v", err)
				}
				if diff := cmp.Diff(before, allBelow(t, cache)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestNamesOfModules holds that no module gives itself another place in a guest.
func TestNamesOfModules(t *testing.T) {
	for _, file := range []string{"..ko", "...ko", "a b.ko", "a\n.ko", "a\x00.ko", "a\x1b.ko.xz", ".ko", strings.Repeat("a", 64) + ".ko", "*.ko"} {
		if name, ok := moduleName("kernel/" + file); ok {
			t.Errorf("%q is module %q", file, name)
		}
	}
}

// TestCacheInOthersHands opens a package where somebody else could have the cache lead
// to another place: nothing is written, and the kernel is read all the same.
func TestCacheInOthersHands(t *testing.T) {
	for name, arrange := range map[string]func(t *testing.T, cache, elsewhere string){
		"a link in it": func(t *testing.T, cache, elsewhere string) {
			check(t, os.Mkdir(filepath.Join(cache, "listenq"), 0o700))
			check(t, os.Symlink(elsewhere, filepath.Join(cache, "listenq", "unpacked")))
		},
		"open to everybody": func(t *testing.T, cache, _ string) { check(t, os.Chmod(cache, 0o777)) },
		"another's": func(t *testing.T, cache, _ string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			check(t, os.Chown(cache, 12345, 12345))
		},
		"below another's": func(t *testing.T, cache, _ string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			check(t, os.Chown(filepath.Dir(cache), 12345, 12345))
		},
		"another's link": func(t *testing.T, cache, elsewhere string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			check(t, os.Remove(cache))
			check(t, os.Symlink(elsewhere, cache))
			check(t, os.Lchown(cache, 12345, 12345))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cache, elsewhere := filepath.Join(ownCache(t), "home", "cache"), t.TempDir()
			check(t, os.MkdirAll(cache, 0o755))
			t.Setenv("XDG_CACHE_HOME", cache)
			arrange(t, cache, elsewhere)
			before := append(allBelow(t, filepath.Dir(cache)), allBelow(t, elsewhere)...)
			path := filepath.Join(t.TempDir(), "x.deb")
			write(t, path, debOf("linux-image-"+release, "1", packings[1], whole(release)))
			if k, err := Open(t.Context(), path, ""); err != nil || names(k) != essentials {
				t.Errorf("%v", err)
			}
			after := append(allBelow(t, filepath.Dir(cache)), allBelow(t, elsewhere)...)
			folder := func(line string) bool { return strings.HasPrefix(line, "/cache/listenq d") }
			if diff := cmp.Diff(before, slices.DeleteFunc(after, func(l string) bool { return folder(l) && !slices.Contains(before, l) })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCacheKnowsTheFile opens a package that only looks like the one in the cache: it
// has the same name, size and time.
func TestCacheKnowsTheFile(t *testing.T) {
	ownCache(t)
	for _, release := range []string{release, "6.1.0-8-test"} {
		path := filepath.Join(t.TempDir(), "x.deb")
		write(t, path, debOf("linux-image-x", "1", packings[0], whole(release)))
		check(t, os.Chtimes(path, time.Unix(1e9, 0), time.Unix(1e9, 0)))
		k, err := Open(t.Context(), path, "")
		if err != nil || k.Release != release {
			t.Errorf("%v, error %v; want %s", k, err, release)
		}
	}
}

// TestNotAFile names what is no regular file as a kernel, as its modules, as a part.
func TestNotAFile(t *testing.T) {
	ownCache(t)
	dir := t.TempDir()
	fifo, socket, modules := filepath.Join(dir, "fifo"), filepath.Join(dir, "socket"), filepath.Join(dir, "modules")
	check(t, unix.Mkfifo(fifo, 0o644))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(fd)
	check(t, unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
	image := filepath.Join(dir, "vmlinuz")
	write(t, image, imageFor(release))
	deb := filepath.Join(dir, "x.deb")
	write(t, deb, debOf("linux-image-"+release, "1", packings[0], whole(release)))
	check(t, unix.Mkfifo(filepath.Join(dir, "linux-modules-"+release+"_1_"+runtime.GOARCH+".deb"), 0o644))
	check(t, os.Mkdir(modules, 0o755))
	check(t, unix.Mkfifo(filepath.Join(modules, "modules.builtin"), 0o644))
	for _, c := range [][3]string{
		{fifo, "", "not a regular file"},
		{"/dev/zero", "", "not a regular file"},
		{socket, "", "no such device or address"},
		{image, fifo, "not a regular file"},
		{image, "/dev/zero", "not a regular file"},
		{image, modules, ""}, // of a folder nothing else is read
		{deb, "", "not a regular file"},
	} {
		if _, err := Open(t.Context(), c[0], c[1]); (err == nil) != (c[2] == "") || err != nil && !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s with modules %q: error %v, want %q", c[0], c[1], err, c[2])
		}
	}
}

// TestOpenEnds interrupts the reading of a package.
func TestOpenEnds(t *testing.T) {
	ownCache(t)
	path := filepath.Join(t.TempDir(), "x.deb")
	write(t, path, debOf("linux-image-"+release, "1", packings[1], whole(release)))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Open(ctx, path, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestCosts opens packages that ask for more than a kernel's have.
func TestCosts(t *testing.T) {
	ownCache(t)
	modules := "./lib/modules/" + release + "/kernel/"
	for want, change := range map[string]func(files map[string][]byte){
		"depend on more than a kernel's do": func(files map[string][]byte) {
			for _, n := range needs { // each depends on as many as one may
				var depends []string
				for i := range maxCount {
					depends = append(depends, fmt.Sprintf("%s_%d", n.name, i))
				}
				files[modules+n.name+".ko"] = module(release, strings.Join(depends, ","))
			}
			for i := range maxCount {
				var depends []string
				for j := range maxCount {
					depends = append(depends, fmt.Sprintf("more_%d_%d", i, j))
				}
				files[fmt.Sprintf("%s9p_%d.ko", modules, i)] = module(release, strings.Join(depends, ","))
			}
		},
		"not a module": func(files map[string][]byte) {
			files[modules+"drivers/net/veth.ko"] = module(release, strings.Repeat("a,", maxCount+1))
		},
		"unpacks to more than a kernel": func(files map[string][]byte) {
			files[modules+"drivers/net/veth.ko"] = append(module(release, ""), make([]byte, maxModules)...)
		},
		"is missing": func(files map[string][]byte) { // a chain without an end
			files[modules+"drivers/net/veth.ko"] = module(release, "chain_0")
			for i := range 10 * maxCount {
				files[fmt.Sprintf("%schain_%d.ko", modules, i)] = module(release, fmt.Sprintf("chain_%d", i+1))
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			files := whole(release)
			change(files)
			path := filepath.Join(t.TempDir(), "x.deb")
			write(t, path, debOf("linux-image-"+release, "1", packings[1], files))
			if _, err := Open(t.Context(), path, ""); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
