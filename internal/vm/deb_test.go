package vm

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	unxz "github.com/mikelolasagasti/xz"
	"github.com/ulikunitz/xz"

	"listenq/test/memory"
)

// packing is how the members of a package are compressed.
type packing struct {
	ending string
	pack   func([]byte) []byte
}

var packings = []packing{
	{"", func(data []byte) []byte { return data }},
	{".gz", gzipped},
	{".xz", func(data []byte) []byte { return xzPacked(data, 4096) }},
	{".zst", func(data []byte) []byte {
		w, _ := zstd.NewWriter(nil)
		return w.EncodeAll(data, nil)
	}},
}

// xzPacked packs data into blocks of that size.
func xzPacked(data []byte, block int64) []byte {
	var b bytes.Buffer
	w, err := xz.WriterConfig{BlockSize: block, DictCap: 1 << 16}.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func tarred(files map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))})
		w.Write(files[name])
	}
	w.Close()
	return b.Bytes()
}

// debOf returns a package with those files.
func debOf(name, version string, p packing, files map[string][]byte) []byte {
	return debWith(name, version, runtime.GOARCH, p, files)
}

func debWith(name, version, arch string, p packing, files map[string][]byte) []byte {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nDescription: x\n Package: no\n", name, version, arch)
	b := []byte("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar" + p.ending, p.pack(tarred(map[string][]byte{"./control": []byte(control), "./postinst": []byte("exit")}))},
		{"data.tar" + p.ending, p.pack(tarred(files))},
	} {
		b = append(fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data)), m.data...)
		if len(m.data)%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

const release = "6.1.0-9-test"

// whole is what a kernel's only package has.
func whole(release string) map[string][]byte {
	files := map[string][]byte{"./boot/vmlinuz-" + release: imageFor(release), "./boot/config-" + release: []byte("CONFIG_NET=y")}
	for path, data := range tree(release) {
		files["./lib/modules/"+release+"/"+path] = data
	}
	return files
}

// ownCache gives the test a cache of its own.
func ownCache(t *testing.T) string {
	forThisMachine(t)
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	return dir
}

func TestPackage(t *testing.T) {
	for _, p := range packings {
		t.Run("tar"+p.ending, func(t *testing.T) {
			ownCache(t)
			path := filepath.Join(t.TempDir(), "any name.deb")
			write(t, path, debOf("linux-image-"+release, "6.1.9-1", p, whole(release)))
			for _, from := range []string{"package", "cache"} {
				k, err := Open(t.Context(), path, "")
				if err != nil {
					t.Fatal(err)
				}
				if names(k) != essentials || k.Release != release || k.Path != path || !bytes.Equal(k.Image, imageFor(release)) {
					t.Errorf("from %s: %s of %s: %s, want %s", from, k.Release, k.Path, names(k), essentials)
				}
				if i := slices.IndexFunc(k.Modules, func(m Module) bool { return m.Name == "tcp_diag" }); !bytes.Equal(k.Modules[i].Code, module(release, "inet_diag")) {
					t.Errorf("from %s: tcp_diag is not what it was before it was compressed", from)
				}
			}
		})
	}
}

// TestSplitPackages opens a kernel in several packages by each of them, with
// another build of the same name beside.
func TestSplitPackages(t *testing.T) {
	ownCache(t)
	dir := t.TempDir()
	add := func(name, version string, files map[string][]byte) string {
		path := filepath.Join(dir, name+"_"+version+"_"+runtime.GOARCH+".deb")
		write(t, path, debOf(name, version, packings[2], files))
		return path
	}
	modules := map[string][]byte{}
	for path, data := range tree(release) {
		modules["./usr/lib/modules/"+release+"/"+path] = data
	}
	list := "./usr/lib/modules/" + release + "/modules.builtin"
	base := map[string][]byte{list: modules[list]}
	delete(modules, list)
	image := map[string][]byte{"./usr/lib/modules/" + release + "/vmlinuz": imageFor(release)}
	paths := []string{
		add("linux-image-"+release, "6.1.9-1", nil),
		add("linux-binary-"+release, "6.1.9-1", image),
		add("linux-modules-"+release, "6.1.9-1", modules),
		add("linux-base-"+release, "6.1.9-1", base),
	}
	add("linux-modules-"+release, "6.1.9-2", map[string][]byte{"./usr/lib/modules/x/veth.ko": []byte("not read")})
	add("linux-headers-"+release, "6.1.9-1", nil)
	for _, path := range append(paths, dir) {
		k, err := Open(t.Context(), path, "")
		if err != nil {
			t.Fatal(err)
		}
		if names(k) != essentials {
			t.Errorf("by %s: %s, want %s", path, names(k), essentials)
		}
	}
	if err := os.Remove(paths[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), paths[0], ""); err == nil || !strings.Contains(err.Error(), "no kernel in package linux-image-"+release) {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "vmlinuz"), imageFor(release))
	k, err := Open(t.Context(), filepath.Join(dir, "vmlinuz"), paths[2])
	if err != nil {
		t.Fatal(err)
	}
	if names(k) != essentials {
		t.Errorf("with a package of modules: %s, want %s", names(k), essentials)
	}
}

func TestBadPackages(t *testing.T) {
	ownCache(t)
	good := debOf("linux-image-"+release, "1", packings[2], whole(release))
	name := "linux-image-" + release
	without := whole(release)
	delete(without, "./boot/vmlinuz-"+release)
	for want, data := range map[string][]byte{
		"truncated package":            good[:len(good)-200],
		"truncated package: fetch it":  good[:100],
		"has no control.tar":           good[:72],
		"no member of an ar":           append(slices.Clone(good[:72]), bytes.Repeat([]byte("x"), 100)...),
		"not a kernel: it is empty":    {},
		"control.tar.xz: damaged or t": bytes.Replace(good, []byte("YZ"), []byte("YY"), 1),
		"data.tar: damaged package":    bytes.Replace(debOf(name, "1", packings[0], whole(release)), []byte("vmlinuz-"), []byte("vmlinux-"), 1),
		"no kernel in package":         debOf(name, "1", packings[1], without),
		"compressed in an unknown way": debOf(name, "1", packing{".lzma", func(b []byte) []byte { return append([]byte("\x5d\x00\x00"), b...) }}, whole(release)),
	} {
		path := filepath.Join(t.TempDir(), "x.deb")
		write(t, path, data)
		if _, err := Open(t.Context(), path, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestCache opens a package again after the file, what is kept of it, or the
// place for it has changed.
func TestCache(t *testing.T) {
	cache := ownCache(t)
	path := filepath.Join(t.TempDir(), "x.deb")
	write(t, path, debOf("linux-image-"+release, "1", packings[1], whole(release)))
	open := func(what, want string) {
		t.Helper()
		k, err := Open(t.Context(), path, "")
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if k.Release != want || names(k) != essentials {
			t.Errorf("%s: %s with %s", what, k.Release, names(k))
		}
	}
	kept := func() []string {
		files, err := filepath.Glob(filepath.Join(cache, "listenq/unpacked/*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	open("first", release)
	first := kept()
	if len(first) != 1 {
		t.Fatal("kept: ", first)
	}
	other := strings.Replace(release, "9", "8", 1)
	write(t, path, debOf("linux-image-"+release, "1", packings[0], whole(other)))
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	open("another package of that name", other)
	if err := os.WriteFile(kept()[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	open("damaged", other)
	data, err := os.ReadFile(kept()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept()[0], data[:len(data)/2+100], 0o600); err != nil {
		t.Fatal(err)
	}
	open("cut", other)
	write(t, filepath.Join(cache, "file"), nil)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(cache, "file"))
	open("no place for a cache", other)
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	open("no home", other)
}

func TestXz(t *testing.T) {
	data := make([]byte, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(random.Uint32N(7))
	}
	for _, size := range []int{0, 1, 4095, 4096, 4097, len(data)} {
		packed := xzPacked(data[:size], 4096)
		r, err := newXz(bytes.NewReader(packed), int64(len(packed)), inPackage.xz)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, data[:size]) {
			t.Errorf("%d bytes: %d bytes, %v", size, len(got), err)
		}
		r.Close()
	}
}

// TestForgedWindow has a block's header ask for 4 GiB.
func TestForgedWindow(t *testing.T) {
	packed := xzPacked(make([]byte, 100), 1<<20)
	blocks, header, err := readXzIndex(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	block := packed[12:]
	block = block[:4*(int(block[0])+1)] // its header, which ends with its checksum
	block[bytes.Index(block, []byte{0x21, 1})+2] = 40
	sum := len(block) - 4
	binary.LittleEndian.PutUint32(block[sum:], crc32.ChecksumIEEE(block[:sum]))
	r, err := blocks[0].open(bytes.NewReader(packed), header, inPackage.xz)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, unxz.ErrMemlimit) {
		t.Errorf("got %v, want %v", err, unxz.ErrMemlimit)
	}
}

func TestUnpackLimit(t *testing.T) {
	data := make([]byte, 1<<20)
	for _, p := range packings[1:] {
		if _, err := unpack(p.pack(data), 1<<20, inPackage); err != nil {
			t.Errorf("%s: %v", p.ending, err)
		}
		if _, err := unpack(p.pack(data), 1<<20-1, inPackage); err != errTooBig {
			t.Errorf("%s: %v", p.ending, err)
		}
	}
}

func TestReadAr(t *testing.T) {
	data := debOf("x", "1", packings[0], nil)
	got, err := readAr(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := []member{{"debian-binary", 68, 4}, {"control.tar", 132, 3072}, {"data.tar", 3264, 1024}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{})); diff != "" {
		t.Error(diff)
	}
}

// TestFetchedKernels opens the real ones.
func TestFetchedKernels(t *testing.T) {
	for _, suite := range fetched(t) {
		k, err := Open(t.Context(), suite, "")
		if err != nil {
			t.Error(err)
			continue
		}
		loaded := strings.Fields(names(k))
		for _, pair := range [][2]string{{"inet_diag", "tcp_diag"}, {"9pnet", "9p"}} {
			if a, b := slices.Index(loaded, pair[0]), slices.Index(loaded, pair[1]); a < 0 || a > b {
				t.Errorf("%s: %s not before %s: %s", k.Release, pair[0], pair[1], loaded)
			}
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	b.Setenv("XDG_CACHE_HOME", b.TempDir())
	path := filepath.Join(b.TempDir(), "x.deb")
	if err := os.WriteFile(path, debOf("linux-image-"+release, "1", packings[2], whole(release)), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(b.Context(), path, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDeb(f *testing.F) {
	files := map[string][]byte{"./boot/vmlinuz-1": []byte("x"), "./lib/modules/1/veth.ko": []byte("x")}
	for _, p := range packings {
		f.Add(debOf("linux-image-1", "1", p, files))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer memory.Bound(t)()
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDeb(path, newBudget(t.Context()))
		if err != nil {
			return
		}
		defer d.file.Close()
		d.files(func(string) int64 { return 1 << 16 }, func(name string, data []byte) error {
			if len(data) > 1<<16 {
				t.Errorf("%s: %d bytes", name, len(data))
			}
			return nil
		})
	})
}

func FuzzXz(f *testing.F) {
	f.Add(xzPacked(make([]byte, 9000), 4096))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer memory.Bound(t)()
		if got, err := unpack(append([]byte("\xfd7zXZ\x00"), data...), 1<<20, inPackage); err == nil && len(got) > 1<<20 {
			t.Errorf("%d bytes", len(got))
		}
	})
}

func FuzzAr(f *testing.F) {
	f.Add(debOf("linux-image-1", "1", packings[0], nil))
	f.Add([]byte("!<arch>\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer memory.Bound(t)()
		members, err := readAr(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, m := range members {
			if m.size < 0 || m.at < 0 || m.at+m.size > int64(len(data)) {
				t.Errorf("%+v of %d bytes", m, len(data))
			}
		}
	})
}

func FuzzControl(f *testing.F) {
	f.Add([]byte("Package: linux-image-6.1\nVersion: 1:6.1-2~x\nArchitecture: amd64\n"))
	f.Add([]byte("Package: ../../x/*\n"))
	f.Add([]byte("Package: linux-image-6.1\nVersion: .\nArchitecture: -\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		defer memory.Bound(t)()
		var d deb
		if d.takeControl(text) != nil {
			return
		}
		for _, value := range []string{d.name, d.version, d.arch} {
			if value == "" || value == "." || value == ".." || strings.ContainsAny(value, "/*?[]\\\x00\n\x1b ") {
				t.Errorf("%q", value)
			}
		}
	})
}
