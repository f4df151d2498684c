package vm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Module is a part of the kernel that is loaded by init_module(2).
type Module struct {
	Name string // as in /proc/modules
	Code []byte // an ELF file, not compressed
}

// need is a module that guests load, if the kernel has it as a module.
type need struct {
	name      string
	essential bool // without it a guest cannot report anything
	// likely are modules that it depends on in some kernels. It saves a
	// second reading of a package to keep them during the first.
	likely []string
}

// needs are the modules of a guest. Debian builds them as modules, other
// kernels have some or all built in. Packet sockets and IPv6 are built in
// everywhere; nothing here delays packets: the lab does that itself.
var needs = []need{
	// The devices of QEMU.
	{"virtio_pci", true, []string{"virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev"}},
	// The channel by which results come back.
	{"virtio_console", true, nil},
	// The files of the host, where they are shared by 9P.
	{"9p", false, []string{"9pnet", "netfs", "fscache"}},
	{"9pnet_virtio", false, nil},
	// The cables of an experiment.
	{"veth", true, []string{"page_pool"}},
	// Listeners and their queues by sock_diag, for us and for ss.
	{"inet_diag", true, nil},
	{"tcp_diag", true, nil},
	{"mptcp_diag", false, nil},
	// The packet filters of an experiment. Up to 5.16 their counter is a module, too.
	// The sum that nf_tables keeps of its tables is named in no list of dependencies (libcrc32c, softdep).
	{"crc32c_generic", false, nil},
	{"nf_tables", false, []string{"nfnetlink", "libcrc32c"}},
	{"nft_counter", false, nil},
	{"nft_limit", false, nil},
	{"nft_numgen", false, nil},
	{"nft_reject_inet", false, []string{"nft_reject", "nf_reject_ipv4", "nf_reject_ipv6"}},
	{"nft_ct", false, []string{"nf_conntrack", "nf_defrag_ipv4", "nf_defrag_ipv6"}},
	{"nft_connlimit", false, []string{"nf_conncount"}},
}

// moduleName is the name of the module in file: kernel/net/ipv4/tcp_diag.ko.xz
// has tcp_diag. Dashes in a file's name are underscores in the module's.
func moduleName(file string) (string, bool) {
	base := path.Base(file)
	for _, ending := range []string{".ko", ".ko.xz", ".ko.zst", ".ko.gz"} {
		if name, ok := strings.CutSuffix(base, ending); ok {
			name = strings.ReplaceAll(name, "-", "_")
			return name, nameOfModule.MatchString(name)
		}
	}
	return "", false
}

// modinfo is what a module says of itself.
type modinfo struct {
	release string // of the kernel for which it was built
	depends []string
	arch    string // GOARCH, or a number of ELF's in words
}

// readModinfo reads section .modinfo of an ELF file (scripts/mod/modpost.c).
func readModinfo(code []byte) (modinfo, error) {
	section, err := elfSection(code, ".modinfo")
	if err != nil {
		return modinfo{}, err
	}
	if len(section) > maxModinfo {
		return modinfo{}, errModule
	}
	info := modinfo{arch: elfArch(binary.LittleEndian.Uint16(code[18:]))}
	for entry := range bytes.SplitSeq(section, []byte{0}) {
		key, value, _ := strings.Cut(string(entry), "=")
		switch key {
		case "vermagic":
			info.release, _, _ = strings.Cut(value, " ")
		case "depends":
			for name := range strings.SplitSeq(value, ",") {
				if name = strings.ReplaceAll(name, "-", "_"); nameOfModule.MatchString(name) {
					info.depends = append(info.depends, name)
				}
			}
		}
		if len(info.depends) > maxCount {
			return modinfo{}, errModule
		}
	}
	return info, nil
}

// maxModinfo bounds section .modinfo, in bytes. Graphics drivers have 100 KiB.
const maxModinfo = 1 << 20

func elfArch(machine uint16) string {
	switch machine {
	case 62: // EM_X86_64
		return "amd64"
	case 183: // EM_AARCH64
		return "arm64"
	}
	return fmt.Sprintf("ELF machine %d", machine)
}

var errModule = errors.New("not a module: no whole ELF file of 64 bits, little-endian, with a section .modinfo")

// elfSection returns the contents of the first section called name. debug/elf
// is not made for files that nobody vouches for.
func elfSection(file []byte, name string) ([]byte, error) {
	if len(file) < 64 || string(file[:6]) != "\x7fELF\x02\x01" {
		return nil, errModule
	}
	const size = 64 // of a section's header
	count, names := int(binary.LittleEndian.Uint16(file[60:])), int(binary.LittleEndian.Uint16(file[62:]))
	table, ok := slice(file, binary.LittleEndian.Uint64(file[40:]), uint64(count)*size)
	if !ok || names >= count || binary.LittleEndian.Uint16(file[58:]) != size {
		return nil, errModule
	}
	contents := func(header []byte) ([]byte, bool) {
		return slice(file, binary.LittleEndian.Uint64(header[24:]), binary.LittleEndian.Uint64(header[32:]))
	}
	strs, ok := contents(table[names*size:])
	for i := 0; ok && i < count; i++ {
		header := table[i*size:]
		at := binary.LittleEndian.Uint32(header)
		if uint64(at) < uint64(len(strs)) && bytes.HasPrefix(strs[at:], append([]byte(name), 0)) {
			if section, ok := contents(header); ok {
				return section, nil
			}
			break
		}
	}
	return nil, errModule
}

func slice(data []byte, at, size uint64) ([]byte, bool) {
	if at > uint64(len(data)) || size > uint64(len(data))-at {
		return nil, false
	}
	return data[at : at+size], true
}
