package vm

import (
	"bytes"
	"encoding/binary"
)

// vmlinux unpacks the kernel in a bzImage. QEMU enters it where its PVH note
// says (Documentation/arch/x86/boot.rst, include/xen/interface/elfnote.h), which
// saves the guest from unpacking it. It returns nil for a kernel without such a
// note, or compressed in another way than gzip, xz and zstd: the bzImage boots.
func vmlinux(image []byte) []byte {
	const (
		setupSectors  = 0x1f1
		payloadOffset = 0x248 // from the end of the setup code
		payloadLength = 0x24c
	)
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" {
		return nil
	}
	at := (uint64(image[setupSectors])+1)*512 + uint64(binary.LittleEndian.Uint32(image[payloadOffset:]))
	payload, ok := slice(image, at, uint64(binary.LittleEndian.Uint32(image[payloadLength:])))
	if !ok {
		return nil
	}
	switch compression(payload) {
	case "":
		return nil
	case "xz", "zstd":
		payload = payload[:len(payload)-4] // the unpacked size is behind it (scripts/Makefile.lib, size_append)
	}
	kernel, err := unpack(payload, maxVmlinux, ofKernel(len(payload)))
	if err != nil || !hasPVHNote(kernel) {
		return nil
	}
	return kernel
}

// maxNotes bounds a segment of notes, in bytes. Kernels have some 500.
const maxNotes = 1 << 20

// hasPVHNote reports whether an ELF file has the note with its PVH entry point.
func hasPVHNote(file []byte) bool {
	const (
		headerSize    = 56 // of a segment
		segmentNote   = 4  // PT_NOTE
		physicalEntry = 18 // XEN_ELFNOTE_PHYS32_ENTRY
		maxSegments   = 64 // a kernel has 5
	)
	if len(file) < 64 || string(file[:6]) != "\x7fELF\x02\x01" || binary.LittleEndian.Uint16(file[54:]) != headerSize {
		return false
	}
	count := min(binary.LittleEndian.Uint16(file[56:]), maxSegments)
	segments, ok := slice(file, binary.LittleEndian.Uint64(file[32:]), uint64(count)*headerSize)
	for ; ok && len(segments) > 0; segments = segments[headerSize:] {
		if binary.LittleEndian.Uint32(segments) != segmentNote {
			continue
		}
		notes, ok := slice(file, binary.LittleEndian.Uint64(segments[8:]), binary.LittleEndian.Uint64(segments[32:]))
		if ok && len(notes) <= maxNotes && bytes.Contains(notes, binary.LittleEndian.AppendUint32(nil, physicalEntry)) && bytes.Contains(notes, []byte("Xen\x00")) {
			return true
		}
	}
	return false
}
