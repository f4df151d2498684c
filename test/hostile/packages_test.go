package hostile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	// packageMemory is the most that listenq may have at once for a package that is
	// refused, in bytes.
	packageMemory = 1 << 30
	// packageTime is the longest that it may take.
	packageTime = time.Minute
)

// member is a file of a package.
type member struct {
	name string
	data []byte
}

// archive returns an ar archive.
func archive(members ...member) string {
	b := []byte("!<arch>\n")
	for _, m := range members {
		b = append(fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data)), m.data...)
		if len(m.data)%2 == 1 {
			b = append(b, '\n')
		}
	}
	return string(b)
}

// kernelPackage returns a package whose control file says that, with a member of files.
func kernelPackage(control string, data member) string {
	return archive(member{"debian-binary", []byte("2.0\n")}, member{"control.tar", tarOf(member{"./control", []byte(control)})}, data)
}

const plainControl = "Package: linux-image-6.1.0-hostile\nVersion: 1\nArchitecture: amd64\n"

// tarOf returns a tar archive of files.
func tarOf(files ...member) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data))})
		w.Write(f.data)
	}
	w.Close()
	return b.Bytes()
}

// The bombs: beginning, and then times blocks of zeros of blockSize.
const blockSize = 16 << 20

func gzipBomb(begin []byte, times int) []byte {
	return append(gzipOf(begin), bytes.Repeat(gzipOf(make([]byte, blockSize)), times)...)
}

func gzipOf(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zstdBomb(begin []byte, times int) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return append(w.EncodeAll(begin, nil), bytes.Repeat(w.EncodeAll(make([]byte, blockSize), nil), times)...)
}

// xzBomb repeats a block and its record in the index (https://tukaani.org/xz/xz-file-format.txt, 4).
func xzBomb(begin []byte, times int) []byte {
	first, record := xzBlock(begin)
	block, again := xzBlock(make([]byte, blockSize))
	index := append(binary.AppendUvarint([]byte{0}, uint64(times)+1), record...)
	index = append(index, bytes.Repeat(again, times)...)
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	footer := append(binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1)), first[6:8]...)
	b := append(first, bytes.Repeat(block[12:], times)...)
	b = append(append(b, index...), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(footer))...)
	return append(append(b, footer...), "YZ"...)
}

// xzBlock returns the header of a stream and a block with that data, and its record.
func xzBlock(data []byte) (block, record []byte) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{BlockSize: blockSize, DictCap: 8 << 20}.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	w.Write(data)
	w.Close()
	all := b.Bytes()
	indexSize := (int(binary.LittleEndian.Uint32(all[len(all)-8:])) + 1) * 4
	index := all[len(all)-12-indexSize : len(all)-12]
	_, n := binary.Uvarint(index[2:])
	_, m := binary.Uvarint(index[2+n:])
	return bytes.Clone(all[:len(all)-12-indexSize]), index[2 : 2+n+m]
}

// header is the beginning of a tar archive with a file of that name and size.
func header(name string, size int64) []byte {
	var b bytes.Buffer
	tar.NewWriter(&b).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size})
	return b.Bytes()
}

// bzImage returns an image with that payload, behind which is its size unpacked
// (Documentation/arch/x86/boot.rst).
func bzImage(payload []byte) []byte {
	payload = append(payload, 0, 0, 0, 0)
	image := make([]byte, 0x1000)
	image[0x1f1] = 4
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x206:], 0x20f)
	binary.LittleEndian.PutUint16(image[0x20e:], 0x600)
	image[0x211], image[0x236] = 1, 1
	binary.LittleEndian.PutUint32(image[0x248:], 0x1000-5*512)
	binary.LittleEndian.PutUint32(image[0x24c:], uint32(len(payload)))
	copy(image[0x800:], "6.1.0-hostile (x@y)\x00")
	return append(image, payload...)
}

// moduleOf returns a module that depends on another and is of that size.
func moduleOf(depends string, size int) []byte {
	info := "depends=" + depends + "\x00vermagic=6.1.0-hostile \x00"
	names := "\x00.modinfo\x00"
	elf := append(make([]byte, 64), info+names...)
	table := len(elf)
	copy(elf, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(elf[18:], 62)
	binary.LittleEndian.PutUint64(elf[40:], uint64(table))
	binary.LittleEndian.PutUint16(elf[58:], 64)
	binary.LittleEndian.PutUint16(elf[60:], 2)
	elf = append(elf, make([]byte, 128)...)
	binary.LittleEndian.PutUint64(elf[table+24:], uint64(64+len(info)))
	binary.LittleEndian.PutUint64(elf[table+32:], uint64(len(names)))
	binary.LittleEndian.PutUint32(elf[table+64:], 1)
	binary.LittleEndian.PutUint64(elf[table+64+24:], 64)
	binary.LittleEndian.PutUint64(elf[table+64+32:], uint64(len(info)))
	return append(elf, make([]byte, max(0, size-len(elf)))...)
}

// allBuiltin is a modules.builtin with all that guests need.
const allBuiltin = "a/virtio_pci.ko\na/virtio_console.ko\na/veth.ko\na/inet_diag.ko\na/tcp_diag.ko\n"

const modulesFolder = "./lib/modules/6.1.0-hostile/kernel/"

// bombs are packages of a few MB that unpack to more.
var bombs = map[string]func() string{
	"gzip, a file that nobody wants": func() string {
		return kernelPackage(plainControl, member{"data.tar.gz", gzipBomb(header("./x", 1<<40), 1000)})
	},
	"xz, a file that nobody wants": func() string {
		return kernelPackage(plainControl, member{"data.tar.xz", xzBomb(header("./x", 1<<32), 250)})
	},
	"zstd, a file that nobody wants": func() string {
		return kernelPackage(plainControl, member{"data.tar.zst", zstdBomb(header("./x", 1<<40), 1000)})
	},
	"an image of gigabytes": func() string {
		return kernelPackage(plainControl, member{"data.tar.gz", gzipBomb(header("./boot/vmlinuz-1", 1<<32), 250)})
	},
	"an image that unpacks to gigabytes": func() string {
		image := gzipBomb(bzImage(nil), 250)
		return kernelPackage(plainControl, member{"data.tar", tarOf(member{"./boot/vmlinuz-1", image})})
	},
	"a payload of gigabytes": func() string {
		return kernelPackage(plainControl, member{"data.tar.gz", gzipOf(tarOf(
			member{"./boot/vmlinuz-1", bzImage(xzBomb([]byte("\x7fELF"), 250))}, member{modulesFolder + "modules.builtin", []byte(allBuiltin)}))})
	},
	"as much of everything as is let through": func() string {
		image := gzipOf(append(bzImage(xzBomb([]byte("\x7fELF"), 7)), make([]byte, 120<<20)...))
		return kernelPackage(plainControl, member{"data.tar.xz", xzBomb(tarOf(
			member{"./boot/vmlinuz-1", image}, member{modulesFolder + "modules.builtin", []byte(allBuiltin)},
			member{modulesFolder + "9p.ko.xz", xzBomb(moduleOf("", 0), 3)}, member{modulesFolder + "netfs.ko.xz", xzBomb(moduleOf("", 0), 0)}), 120)})
	},
	"large modules": func() string {
		const count = 60
		add := func(b []byte, name string, depends []string) []byte {
			return append(b, gzipOf(append(header(modulesFolder+name+".ko", 2*blockSize), moduleOf(strings.Join(depends, ","), 4096)...))...)
		}
		rest := gzipOf(make([]byte, 2*blockSize-4096))
		var all []string
		for i := range count {
			all = append(all, fmt.Sprintf("m%d", i))
		}
		b := append(add(nil, "veth", all), rest...)
		for _, name := range all {
			b = append(add(b, name, nil), rest...)
		}
		return kernelPackage(plainControl, member{"data.tar.gz", append(b, gzipOf(tarOf())...)})
	},
	"modules that unpack to gigabytes": func() string {
		var files []member
		for i := range 3000 {
			files = append(files, member{fmt.Sprintf("%schain_%d.ko.gz", modulesFolder, i), gzipOf(moduleOf(fmt.Sprintf("chain_%d", i+1), 1<<14))})
		}
		files = append(files, member{modulesFolder + "veth.ko", moduleOf("chain_0", 0)}, member{modulesFolder + "9p.ko.gz", gzipBomb(moduleOf("", 0), 200)})
		return kernelPackage(plainControl, member{"data.tar", tarOf(files...)})
	},
	"a window of gigabytes": func() string {
		frame := []byte("\x28\xb5\x2f\xfd\x00\xa8") // 2 GiB, of no known contents
		frame = append(frame, bytes.Repeat([]byte("\x02\x00\x10\x00"), 20000)...)
		return kernelPackage(plainControl, member{"data.tar.zst", frame})
	},
	"a control file of gigabytes": func() string {
		return archive(member{"debian-binary", []byte("2.0\n")}, member{"control.tar.gz", gzipBomb(header("./control", 1<<32), 250)})
	},
	"a member larger than the file": func() string {
		return strings.Replace(kernelPackage(plainControl, member{"data.tar", make([]byte, 1000)}), "1000      `", "9999999999`", 1)
	},
	"a thousand members": func() string {
		return archive(append(make([]member, 1000), member{"control.tar", nil})...)
	},
	"a field without an end": func() string {
		return kernelPackage("Package: "+strings.Repeat("a", 30<<20), member{"data.tar", nil})
	},
}

// TestBombs opens packages that unpack to much more than a kernel has.
func TestBombs(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		for name, bomb := range bombs {
			t.Run(name, func(t *testing.T) {
				dir := u.dir(t)
				path := u.write(t, filepath.Join(dir, "x.deb"), bomb())
				began := time.Now()
				r := u.run(t, dir, "kernel", "--kernel", path, "--guest-program", "/bin/ls") // which does not run: it is not static
				took := time.Since(began)
				t.Logf("%d MiB, %v: %s", r.peak>>20, took.Round(time.Millisecond), r.stderr)
				if r.code != 2 || r.peak > packageMemory || took > packageTime {
					t.Errorf("exit code %d, %d MiB, %v; want 2, at most %d MiB and %v\n%s", r.code, r.peak>>20, took, packageMemory>>20, packageTime, r.stderr)
				}
			})
		}
	})
}

// TestPackagesThatLeadElsewhere opens packages whose control file says where to. A file
// that the cache could take for its own, and everything around it, stays as it is.
func TestPackagesThatLeadElsewhere(t *testing.T) {
	control := func(name string) string { return "Package: " + name + "\nVersion: 1\nArchitecture: amd64\n" }
	whole := tarOf(member{"./boot/vmlinuz-1", bzImage(nil)}, member{modulesFolder + "veth.ko", moduleOf("", 0)},
		member{modulesFolder + "modules.builtin", []byte(allBuiltin)})
	asEach(t, func(t *testing.T, u user) {
		for _, text := range []string{
			control("../../../victim/*"), control("../../../victim/file"), control("/victim/*"), control("*"), control("linux\x1b]0;x\x07"), control("linux\x00x"),
			control("x") + "Version: ../../../victim/*\n", strings.Replace(control("linux-image-6.1.0-hostile"), "amd64", "../../victim/*", 1),
			strings.Replace(control("linux-image-6.1.0-hostile"), "Version: 1", "Version: ../../../victim/*", 1),
		} {
			t.Run(fmt.Sprintf("%.40q", text), func(t *testing.T) {
				dir := u.dir(t)
				victim := filepath.Join(dir, "victim")
				check(t, os.Mkdir(victim, 0o777))
				check(t, os.Chown(victim, u.uid, u.uid))
				for _, name := range []string{"file-0123456789abcdef.tar", "x-0123456789abcdef.tar.zst", "important"} {
					u.write(t, filepath.Join(victim, name), "not yours")
				}
				check(t, os.MkdirAll(filepath.Join(dir, ".cache/listenq/unpacked"), 0o700))
				check(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error { return os.Lchown(path, u.uid, u.uid) }))
				path := u.write(t, filepath.Join(dir, "x.deb"), kernelPackage(text, member{"data.tar", whole}))
				before := list(t, dir)
				r := u.run(t, dir, "kernel", "--kernel", path)
				if r.code != 2 || strings.ContainsAny(r.stderr, "\x1b\x00\x07") {
					t.Errorf("exit code %d, %q", r.code, r.stderr)
				}
				if diff := cmp.Diff(before, list(t, dir)); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

// list lists all files below a folder.
func list(t *testing.T, dir string) (all []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	}))
	return all
}

// TestNoKernels names what has no end, or nobody writes to, as a kernel.
func TestNoKernels(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		fifo, image := filepath.Join(dir, "fifo"), u.write(t, filepath.Join(dir, "vmlinuz"), string(bzImage(nil)))
		check(t, syscall.Mkfifo(fifo, 0o666))
		check(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755))
		for _, args := range [][]string{
			{"--kernel", fifo},
			{"--kernel", "/dev/zero"},
			{"--kernel", "/dev/tty"},
			{"--kernel", filepath.Join(dir, "empty")},
			{"--kernel", "/proc/self/mem"},
			{"--kernel", image, "--modules", fifo},
			{"--kernel", image, "--modules", "/dev/zero"},
			{"--kernel", image, "--modules", filepath.Join(dir, "empty"), "--guest-program", fifo},
		} {
			began := time.Now()
			r := u.run(t, dir, append([]string{"kernel"}, args...)...)
			if took := time.Since(began); r.code != 2 || r.peak > packageMemory/8 || took > 10*time.Second {
				t.Errorf("%q: exit code %d, %d MiB, %v\n%s", args, r.code, r.peak>>20, took, r.stderr)
			}
		}
	})
}

// TestInterruptedPackage holds that SIGTERM ends the reading of a package.
func TestInterruptedPackage(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		path := u.write(t, filepath.Join(dir, "x.deb"), kernelPackage(plainControl, member{"data.tar.xz", xzBomb(header("./x", 1<<32), 120)}))
		cmd := u.command(t, listenq, dir, "kernel", "--kernel", path)
		check(t, cmd.Start())
		opened := func() bool {
			links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", cmd.Process.Pid))
			for _, link := range links {
				if target, err := os.Readlink(link); err == nil && target == path {
					return true
				}
			}
			return false
		}
		for began := time.Now(); !opened() && time.Since(began) < 10*time.Second; {
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		check(t, cmd.Process.Signal(syscall.SIGTERM))
		cmd.Wait()
		if code, took := cmd.ProcessState.ExitCode(), time.Since(began); code != 130 || took > time.Second {
			t.Errorf("exit code %d after %v, want 130 at once", code, took)
		}
	})
}
