package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// header is what an image says about itself.
type header struct {
	arch    string // GOARCH
	release string // as in uname -r
}

// readImage returns the image as QEMU wants it, unpacked where it came gzip'ed
// as arm64's do, and what its header says.
func readImage(data []byte) ([]byte, header, error) {
	if kind := compression(data); kind != "" {
		unpacked, err := unpack(data, maxImage, ofKernel(len(data)))
		if err != nil {
			return nil, header{}, err
		}
		data = unpacked
	}
	h, err := readHeader(data)
	return data, h, err
}

// readHeader reads the header of a bzImage (Documentation/arch/x86/boot.rst) or
// of an arm64 Image (Documentation/arch/arm64/booting.rst).
func readHeader(image []byte) (header, error) {
	switch {
	case len(image) >= 0x264 && string(image[0x202:0x206]) == "HdrS":
		return readBzImage(image)
	case len(image) >= 64 && string(image[0x38:0x3c]) == "ARM\x64":
		return readArm64(image)
	}
	return header{}, fmt.Errorf("not a kernel that can be booted: %s", describe(image))
}

func readBzImage(image []byte) (header, error) {
	const (
		setupSectors  = 0x1f1
		version       = 0x206 // of the boot protocol
		kernelVersion = 0x20e // where its text is, less 0x200
		loadFlags     = 0x211
		xloadFlags    = 0x236
	)
	protocol := binary.LittleEndian.Uint16(image[version:])
	if protocol < 0x20c || image[loadFlags]&1 == 0 {
		return header{}, fmt.Errorf("a kernel of boot protocol %d.%02d, older than Linux 3.8", protocol>>8, protocol&0xff)
	}
	h := header{arch: "386"}
	if binary.LittleEndian.Uint16(image[xloadFlags:])&1 != 0 {
		h.arch = "amd64"
	}
	at := int(binary.LittleEndian.Uint16(image[kernelVersion:])) + 0x200
	setup := min((int(image[setupSectors])+1)*512, len(image))
	if at == 0x200 || at >= setup {
		return header{}, errors.New("a bzImage whose header names no version")
	}
	var err error
	h.release, err = releaseOf(image[at:setup])
	return h, err
}

// readArm64 finds the release in the kernel's banner: the header has none.
func readArm64(image []byte) (header, error) {
	banner := []byte("Linux version ")
	for rest := image; ; {
		i := bytes.Index(rest, banner)
		if i < 0 {
			return header{}, errors.New("an arm64 Image that names no version")
		}
		rest = rest[i+len(banner):]
		if release, err := releaseOf(rest[:min(len(rest), 128)]); err == nil {
			return header{arch: "arm64", release: release}, nil
		}
	}
}

// releaseOf reads the first word of a version's text. It becomes part of paths,
// so that nothing but the characters of releases is let through.
func releaseOf(text []byte) (string, error) {
	end := bytes.IndexAny(text, " \x00")
	if end < 1 || end > 64 || text[0] < '0' || text[0] > '9' {
		return "", errors.New("a kernel whose version cannot be read")
	}
	for _, c := range text[:end] {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_~", rune(c)) {
			return "", fmt.Errorf("a kernel whose version has the byte %#x", c)
		}
	}
	return string(text[:end]), nil
}

// describe says in words what data is that is no kernel.
func describe(data []byte) string {
	switch {
	case len(data) == 0:
		return "it is empty"
	case bytes.HasPrefix(data, []byte("\x7fELF")):
		return "it is an ELF file, as vmlinux is; what boots is bzImage (arch/x86/boot) or vmlinuz"
	case bytes.HasPrefix(data, []byte("MZ")) && len(data) > 8 && string(data[4:8]) == "zimg":
		return "it is an EFI zboot image, which unpacks itself under EFI firmware only; give the Image that it was made of"
	case bytes.HasPrefix(data, []byte("MZ")):
		return "it is an EFI program without Linux's boot header"
	case bytes.HasPrefix(data, []byte("BZh")), bytes.HasPrefix(data, []byte("\x02\x21\x4c\x18")), bytes.HasPrefix(data, []byte("\x04\x22\x4d\x18")),
		bytes.HasPrefix(data, []byte("\x5d\x00\x00")), bytes.HasPrefix(data, []byte("\x89LZO")):
		return "it is compressed by bzip2, lz4, lzma or lzo; unpack it first"
	case bytes.HasPrefix(data, []byte("070701")):
		return "it is a cpio archive, as an initramfs is"
	case bytes.HasPrefix(data, []byte("\xed\xab\xee\xdb")):
		return "it is an RPM package; unpack it and give its vmlinuz and, with --modules, its modules"
	case isText(data[:min(len(data), 512)]):
		return "it is text"
	}
	return fmt.Sprintf("it begins with % x", data[:min(len(data), 8)])
}

func isText(data []byte) bool {
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 && len(data) >= utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\n\r\f", r) {
			return false
		}
		data = data[size:]
	}
	return true
}
