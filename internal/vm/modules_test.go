package vm

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/test/memory"
)

// module returns a module that says that of itself, as an ELF file with the
// sections .modinfo and .shstrtab.
func module(release, depends string) []byte {
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	info := "license=GPL\x00depends=" + depends + "\x00name=x\x00vermagic=" + release + " SMP preempt mod_unload \x00"
	strs := "\x00.modinfo\x00.shstrtab\x00"
	elf := make([]byte, 64)
	copy(elf, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(elf[18:], machine)
	binary.LittleEndian.PutUint64(elf[40:], uint64(64+len(info)+len(strs)))
	binary.LittleEndian.PutUint16(elf[58:], 64)
	binary.LittleEndian.PutUint16(elf[60:], 3)
	binary.LittleEndian.PutUint16(elf[62:], 2)
	elf = append(append(elf, info...), strs...)
	section := func(name, at, size int) {
		h := make([]byte, 64)
		binary.LittleEndian.PutUint32(h, uint32(name))
		binary.LittleEndian.PutUint64(h[24:], uint64(at))
		binary.LittleEndian.PutUint64(h[32:], uint64(size))
		elf = append(elf, h...)
	}
	section(0, 0, 0)
	section(1, 64, len(info))
	section(10, 64+len(info), len(strs))
	return elf
}

// essentials are the modules of tree in the order in which they load: those
// that another one needs before it, what nobody needs not at all.
const essentials = "virtio_ring virtio virtio_pci virtio_console surprise veth inet_diag tcp_diag"

// tree is a folder of modules. veth depends on one that no table knows, and what
// is not a guest's is left alone.
func tree(release string) map[string][]byte {
	return map[string][]byte{
		"kernel/drivers/virtio/virtio.ko":         module(release, "virtio_ring"),
		"kernel/drivers/virtio/virtio_ring.ko":    module(release, ""),
		"kernel/drivers/virtio/virtio_pci.ko":     module(release, "virtio,virtio_ring"),
		"kernel/drivers/char/virtio-console.ko":   module(release, "virtio,virtio_ring"),
		"kernel/drivers/net/veth.ko":              module(release, "surprise"),
		"kernel/lib/surprise.ko":                  module(release, ""),
		"kernel/net/ipv4/tcp_diag.ko":             gzipped(module(release, "inet_diag")),
		"kernel/net/ipv4/inet_diag.ko":            module(release, ""),
		"kernel/fs/netfs/netfs.ko":                module(release, ""),
		"kernel/fs/ext4/ext4.ko":                  []byte("not read"),
		"modules.builtin":                         []byte("kernel/fs/9p/9p.ko\nkernel/net/ipv4/tcp_cubic.ko\n"),
		"kernel/drivers/gpu/drm/some.ko.xz.again": []byte("not a module"),
	}
}

func TestModules(t *testing.T) {
	forThisMachine(t)
	const release = "6.1.0-test"
	for name, test := range map[string]struct {
		change func(map[string][]byte)
		want   string
		fails  string
	}{
		"whole": {func(map[string][]byte) {}, essentials, ""},
		"built in": {func(tree map[string][]byte) {
			delete(tree, "kernel/drivers/net/veth.ko")
			tree["modules.builtin"] = []byte("kernel/drivers/net/veth.ko\n")
		}, strings.Replace(essentials, "surprise veth ", "", 1), ""},
		"missing": {func(tree map[string][]byte) {
			delete(tree, "kernel/drivers/net/veth.ko")
			delete(tree, "kernel/net/ipv4/tcp_diag.ko")
		}, "", "without the modules veth, tcp_diag, nor are they built in; looked in "},
		"missing, without a list": {func(tree map[string][]byte) {
			delete(tree, "kernel/drivers/net/veth.ko")
			delete(tree, "modules.builtin")
		}, "", "without the modules veth, and modules.builtin, which lists what is built in, is missing, too"},
		"dependency missing": {func(tree map[string][]byte) {
			delete(tree, "kernel/lib/surprise.ko")
		}, "", "module surprise is missing, which veth depends on"},
		"another version": {func(tree map[string][]byte) {
			tree["kernel/net/ipv4/inet_diag.ko"] = module("6.1.1-test", "")
		}, "", `module inet_diag is of kernel "6.1.1-test", not of 6.1.0-test`},
		"a circle": {func(tree map[string][]byte) {
			tree["kernel/lib/surprise.ko"] = module(release, "veth")
		}, "", "module veth depends on itself"},
		"not a module": {func(tree map[string][]byte) {
			tree["kernel/drivers/net/veth.ko"] = []byte("\x7fELF, but not further")
		}, "", "kernel/drivers/net/veth.ko: not a module"},
		"another architecture": {func(tree map[string][]byte) {
			tree["kernel/drivers/net/veth.ko"][18] = 40
		}, "", "module veth is for ELF machine 40, the kernel for " + runtime.GOARCH},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := tree(release)
			test.change(files)
			for path, data := range files {
				write(t, filepath.Join(dir, release, path), data)
			}
			write(t, filepath.Join(dir, "vmlinuz"), imageFor(release))
			k, err := Open(t.Context(), filepath.Join(dir, "vmlinuz"), filepath.Join(dir, release))
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("%v, want %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := names(k); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// TestModinfoAgrees compares with what kmod reads, of the modules of this
// machine's fetched kernels.
func TestModinfoAgrees(t *testing.T) {
	if _, err := exec.LookPath("modinfo"); err != nil {
		t.Skip("needs modinfo (kmod)")
	}
	for _, suite := range fetched(t) {
		k, err := Open(t.Context(), suite, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range k.Modules {
			path := filepath.Join(t.TempDir(), m.Name+".ko")
			write(t, path, m.Code)
			info, err := readModinfo(m.Code)
			if err != nil {
				t.Fatal(err)
			}
			depends, err1 := exec.Command("modinfo", "-F", "depends", path).Output()
			magic, err2 := exec.Command("modinfo", "-F", "vermagic", path).Output()
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			got := fmt.Sprintln(strings.Join(info.depends, ",")) + info.release
			want := string(depends) + strings.Fields(string(magic))[0]
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s: -modinfo +ours\n%s", m.Name, k.Release, diff)
			}
		}
	}
}

// fetched returns the folders of the kernels that test/kernels has fetched.
func fetched(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		t.Skip("reads whole packages, unless they are in the cache")
	}
	dir := os.Getenv("LISTENQ_KERNELS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		dir = filepath.Join(cache, "listenq", "kernels")
	}
	var suites []string
	for _, suite := range []string{"bullseye", "bullseye-5.10.223", "bookworm", "trixie", "sid"} {
		if _, err := imagePackage(filepath.Join(dir, suite)); err == nil {
			suites = append(suites, filepath.Join(dir, suite))
		}
	}
	if len(suites) == 0 {
		t.Skip("needs kernels: make kernels")
	}
	return suites
}

func FuzzModinfo(f *testing.F) {
	f.Add(module("6.1.0", "a,b-c"))
	f.Add([]byte("\x7fELF\x02\x01"))
	f.Fuzz(func(t *testing.T, code []byte) {
		defer memory.Bound(t)()
		info, err := readModinfo(code)
		if err == nil && info.arch == "" {
			t.Error("no architecture")
		}
	})
}

func FuzzBuiltin(f *testing.F) {
	f.Add([]byte("kernel/fs/9p/9p.ko\nkernel/a-b.ko.xz\n\n.ko"))
	f.Fuzz(func(t *testing.T, list []byte) {
		defer memory.Bound(t)()
		names := map[string]bool{}
		readBuiltin(list, names)
		for name := range names {
			if strings.ContainsAny(name, "/-\n") {
				t.Errorf("%q", name)
			}
		}
	})
}
