package vm

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"listenq/test/memory"
)

// bzImage returns the beginning of an image for amd64 whose version's text is
// that, at the places that the boot protocol gives.
func bzImage(version string) []byte {
	image := make([]byte, 0x1000)
	image[0x1f1] = 4 // sectors of setup code, after the first
	binary.LittleEndian.PutUint16(image[0x1fe:], 0xaa55)
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x206:], 0x20f)
	binary.LittleEndian.PutUint16(image[0x20e:], 0x600) // at 0x800
	image[0x211] = 1
	image[0x236] = 1
	copy(image[0x800:], version+"\x00")
	return image
}

// arm64Image returns the beginning of an Image of arm64, with a banner.
func arm64Image(version string) []byte {
	image := make([]byte, 0x1000)
	copy(image, "MZ")
	copy(image[0x38:], "ARM\x64")
	copy(image[0x400:], "Linux version %s\x00Linux version "+version)
	return image
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func TestImage(t *testing.T) {
	for name, test := range map[string]struct {
		image []byte
		want  header
	}{
		"amd64":           {bzImage("5.10.0-46-amd64 (kernel@debian) #1 SMP"), header{"amd64", "5.10.0-46-amd64"}},
		"plus in version": {bzImage("6.12.117+deb13-amd64 (x@y)"), header{"amd64", "6.12.117+deb13-amd64"}},
		"arm64":           {arm64Image("7.2.13+deb14-arm64 (x@y)"), header{"arm64", "7.2.13+deb14-arm64"}},
		"arm64, gzip":     {gzipped(arm64Image("6.8.0-31-generic (x@y)")), header{"arm64", "6.8.0-31-generic"}},
	} {
		image, h, err := readImage(test.image)
		if err != nil || h != test.want {
			t.Errorf("%s: %+v, %v, want %+v", name, h, err, test.want)
		}
		if compression(image) != "" {
			t.Errorf("%s: still compressed", name)
		}
	}
}

func TestNotAnImage(t *testing.T) {
	old := bzImage("3.2.0 x")
	binary.LittleEndian.PutUint16(old[0x206:], 0x20a)
	outside := bzImage("6.1.0 x")
	binary.LittleEndian.PutUint16(outside[0x20e:], 0xffff)
	nameless := bzImage("6.1.0 x")
	binary.LittleEndian.PutUint16(nameless[0x20e:], 0)
	for want, data := range map[string][]byte{
		"it is empty":                      {},
		"it is an ELF file, as vmlinux is": []byte("\x7fELF\x02\x01\x01"),
		"it is text":                       []byte("#!/bin/sh\necho größer\n"),
		"it begins with 00 00 00 00":       make([]byte, 0x1000),
		"EFI zboot":                        []byte("MZ\x00\x00zimg\x00\x00\x00\x00"),
		"EFI program":                      append([]byte("MZ"), make([]byte, 0x1000)...),
		"compressed by bzip2":              []byte("BZh91AY&SY"),
		"cpio":                             []byte("070701000000"),
		"RPM":                              []byte("\xed\xab\xee\xdb\x03\x00"),
		"truncated":                        gzipped(bzImage("6.1.0 x"))[:60],
		"boot protocol 2.10":               old,
		"header names no version":          outside,
		"names no version":                 nameless,
		"version cannot be read":           bzImage("Ubuntu 6.1"),
		"has the byte 0x2f":                bzImage("6.1/../../etc x"),
		"an arm64 Image that names no":     arm64Image("%s"),
	} {
		_, h, err := readImage(data)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, error %v; want %q", h, err, want)
		}
	}
}

// TestOpenImage opens a vmlinuz with modules in several places.
func TestOpenImage(t *testing.T) {
	const release = "6.1.0-test"
	forThisMachine(t)
	for name, test := range map[string]struct {
		image, modules string // below a temporary folder
		option         string
		want           string
		fails          string
	}{
		"unpacked package":     {image: "boot/vmlinuz-x", modules: "lib/modules/" + release, want: essentials},
		"usr":                  {image: "boot/vmlinuz-x", modules: "usr/lib/modules/" + release, want: essentials},
		"in its modules":       {image: "m/" + release + "/vmlinuz", modules: "m/" + release, want: essentials},
		"named":                {image: "vmlinuz", modules: "elsewhere", option: "elsewhere", want: essentials},
		"named, all built in":  {image: "vmlinuz", modules: "elsewhere", option: "empty"},
		"nowhere":              {image: "vmlinuz", modules: "elsewhere", fails: "no modules of kernel 6.1.0-test: looked for "},
		"named but not there":  {image: "vmlinuz", modules: "elsewhere", option: "missing", fails: "no such file"},
		"named is not package": {image: "vmlinuz", modules: "elsewhere", option: "vmlinuz", fails: "not a Debian package"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, test.image), imageFor(release))
			write(t, filepath.Join(dir, "empty/readme"), nil)
			for path, data := range tree(release) {
				write(t, filepath.Join(dir, test.modules, path), data)
			}
			option := ""
			if test.option != "" {
				option = filepath.Join(dir, test.option)
			}
			k, err := Open(t.Context(), filepath.Join(dir, test.image), option)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("%v, want %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := names(k); got != test.want || k.Release != release || k.Arch != runtime.GOARCH {
				t.Errorf("%s %s: %s, want %s", k.Release, k.Arch, got, test.want)
			}
		})
	}
}

func TestOpenOfAnotherArchitecture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vmlinuz")
	other, arch := arm64Image("6.1.0 x"), "arm64"
	if runtime.GOARCH == arch {
		other, arch = bzImage("6.1.0 x"), "amd64"
	}
	write(t, path, other)
	k, err := Open(t.Context(), path, t.TempDir())
	if err != nil || k.Arch != arch {
		t.Fatalf("%+v, %v", k, err)
	}
	_, err = (&Guest{Kernel: k, Limit: time.Minute}).Run(t.Context())
	if wrong, ok := errors.AsType[*WrongArch](err); !ok || wrong.KernelArch != arch || wrong.ProgramArch != runtime.GOARCH {
		t.Error(err)
	}
}

// forThisMachine skips where imageFor knows no image.
func forThisMachine(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("no kernels for " + runtime.GOARCH)
	}
}

func imageFor(release string) []byte {
	if runtime.GOARCH == "arm64" {
		return arm64Image(release + " (x@y)")
	}
	return bzImage(release + " (x@y)")
}

func names(k *Kernel) string {
	var names []string
	for _, m := range k.Modules {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzImage(f *testing.F) {
	f.Add(bzImage("6.1.0 x"))
	f.Add(arm64Image("6.1.0 x"))
	f.Add(gzipped(arm64Image("6.1.0 x")))
	f.Add([]byte("MZ\x00\x00zimg"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer memory.Bound(t)()
		_, h, err := readImage(data)
		if err == nil && (h.release == "" || h.arch == "" || strings.Contains(h.release, "/")) {
			t.Errorf("%+v", h)
		}
	})
}

// withPayload returns an image for amd64 with that payload, behind which is its size.
func withPayload(payload []byte) []byte {
	image := bzImage("6.1.0 x")
	binary.LittleEndian.PutUint32(image[0x248:], uint32(len(image)-5*512))
	binary.LittleEndian.PutUint32(image[0x24c:], uint32(len(payload)+4))
	return append(append(image, payload...), 0, 0, 0, 0)
}

// noted returns an ELF file with the note that QEMU looks for.
func noted() []byte {
	elf := make([]byte, 64+56)
	copy(elf, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint64(elf[32:], 64)
	binary.LittleEndian.PutUint16(elf[54:], 56)
	binary.LittleEndian.PutUint16(elf[56:], 1)
	notes := append(binary.LittleEndian.AppendUint32([]byte("\x04\x00\x00\x00\x08\x00\x00\x00"), 18), "Xen\x00........"...)
	binary.LittleEndian.PutUint32(elf[64:], 4)
	binary.LittleEndian.PutUint64(elf[64+8:], uint64(len(elf)))
	binary.LittleEndian.PutUint64(elf[64+32:], uint64(len(notes)))
	return append(elf, notes...)
}

func TestVmlinux(t *testing.T) {
	for _, p := range packings[2:] { // xz and zstd: what is behind gzip's end is an error
		if got := vmlinux(withPayload(p.pack(noted()))); !bytes.Equal(got, noted()) {
			t.Errorf("%s: %d bytes", p.ending, len(got))
		}
		if got := vmlinux(withPayload(p.pack(make([]byte, 4096)))); got != nil {
			t.Errorf("%s: without a note: %d bytes", p.ending, len(got))
		}
	}
	for name, image := range map[string][]byte{
		"too big":                withPayload(packings[3].pack(append(noted(), make([]byte, maxVmlinux)...))),
		"no payload":             bzImage("6.1.0 x"),
		"a payload beyond it":    withPayload(make([]byte, 100))[:0x1010],
		"a magic and no more":    withPayload([]byte("\x28\xb5\x2f\xfd")),
		"segments without count": withPayload(packings[3].pack(append(noted(), bytes.Repeat([]byte{0xff}, 1<<20)...)))[:0x1080],
	} {
		if got := vmlinux(image); got != nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}

func FuzzVmlinux(f *testing.F) {
	for _, p := range packings {
		f.Add(withPayload(p.pack(noted())))
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		defer memory.Bound(t)()
		if kernel := vmlinux(image); kernel != nil && !hasPVHNote(kernel) {
			t.Errorf("%d bytes", len(kernel))
		}
	})
}

func FuzzPVHNote(f *testing.F) {
	f.Add(noted())
	f.Fuzz(func(t *testing.T, elf []byte) {
		defer memory.Bound(t)()
		hasPVHNote(elf)
	})
}
