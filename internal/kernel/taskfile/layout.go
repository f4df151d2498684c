package taskfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrBTF is what is wrong with type information that is not as the kernel writes
// it (Documentation/bpf/btf.rst), or does not have what the program needs.
var ErrBTF = errors.New("unsuitable BTF")

// layout is where the running kernel has what the program reads.
type layout struct {
	iterator uint32 // the type ID of the function bpf_iter_task_file

	taskPid, taskTgid      int16
	fileInode, inodeNumber int16
	socketSk, sockState    int16
}

// Kinds of types (include/uapi/linux/btf.h).
const (
	kindStruct = 4
	kindFunc   = 12
	kindMax    = 19
)

// extra is how many bytes follow a type of a kind, and how many for each of its
// members.
var extra = [kindMax + 1]struct{ fixed, each int }{
	1: {fixed: 4}, 3: {fixed: 12}, kindStruct: {each: 12}, 5: {each: 12}, 6: {each: 8},
	13: {each: 8}, 14: {fixed: 4}, 15: {each: 12}, 17: {fixed: 4}, 19: {each: 12},
}

// wanted is a member of a struct, by the offsets of their names.
type wanted struct {
	structName, memberName uint32
	into                   *int16
	found                  bool
}

// readLayout finds what the program needs in one walk over all types.
func readLayout(btf []byte) (l layout, err error) {
	types, names, err := sections(btf)
	if err != nil {
		return l, err
	}
	iterator, err := nameOffset(names, "bpf_iter_task_file")
	if err != nil {
		return l, err
	}
	const helper = "bpf_sock_from_file"
	if _, err := nameOffset(names, helper); err != nil {
		return l, fmt.Errorf("%w: this kernel lacks the function %s, which Linux has since 5.11", ErrNotHere, helper)
	}
	members, err := l.members(names)
	if err != nil {
		return l, err
	}
	for id := uint32(1); len(types) > 0; id++ {
		t, rest, err := nextType(types)
		if err != nil {
			return l, err
		}
		if types = rest; t.kind == kindFunc && t.name == iterator {
			l.iterator = id
		}
		if t.kind == kindStruct {
			t.find(members)
		}
	}
	for _, m := range members {
		if !m.found || l.iterator == 0 {
			return l, fmt.Errorf("%w: type or member not found", ErrBTF)
		}
	}
	return l, nil
}

// members are those that the program reads.
func (l *layout) members(names []byte) (all []wanted, err error) {
	for _, m := range []struct {
		structName, memberName string
		into                   *int16
	}{
		{"task_struct", "pid", &l.taskPid}, {"task_struct", "tgid", &l.taskTgid},
		{"file", "f_inode", &l.fileInode}, {"inode", "i_ino", &l.inodeNumber},
		{"socket", "sk", &l.socketSk}, {"sock_common", "skc_state", &l.sockState},
	} {
		w := wanted{into: m.into}
		if w.structName, err = nameOffset(names, m.structName); err != nil {
			return nil, err
		}
		if w.memberName, err = nameOffset(names, m.memberName); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// sections cuts the types and the names out of the file.
func sections(btf []byte) (types, names []byte, err error) {
	const magic, headerSize = 0xeb9f, 24
	if len(btf) < headerSize || binary.NativeEndian.Uint16(btf) != magic {
		return nil, nil, fmt.Errorf("%w: no header", ErrBTF)
	}
	field := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(btf[4*i:])) }
	body := uint64(len(btf))
	start := field(1)
	cut := func(offset, length uint64) []byte {
		if start+offset+length > body {
			return nil
		}
		return btf[start+offset : start+offset+length]
	}
	if types, names = cut(field(2), field(3)), cut(field(4), field(5)); types == nil || names == nil {
		return nil, nil, fmt.Errorf("%w: sections beyond its end", ErrBTF)
	}
	return types, names, nil
}

// nameOffset is where a name is.
func nameOffset(names []byte, name string) (uint32, error) {
	i := bytes.Index(names, []byte("\x00"+name+"\x00"))
	if i < 0 {
		return 0, fmt.Errorf("%w: no %s", ErrBTF, name)
	}
	return uint32(i + 1), nil
}

// btfType is a struct btf_type and what follows it.
type btfType struct {
	name    uint32
	kind    byte
	members []byte
}

func nextType(b []byte) (t btfType, rest []byte, err error) {
	const size = 12
	if len(b) < size {
		return t, nil, fmt.Errorf("%w: cut type", ErrBTF)
	}
	info := binary.NativeEndian.Uint32(b[4:])
	t = btfType{name: binary.NativeEndian.Uint32(b), kind: byte(info >> 24 & 0x1f)}
	if t.kind > kindMax { // of a size that we do not know
		return t, nil, fmt.Errorf("%w: type of kind %d", ErrBTF, t.kind)
	}
	end := size + extra[t.kind].fixed + extra[t.kind].each*int(info&0xffff)
	if len(b) < end {
		return t, nil, fmt.Errorf("%w: cut type", ErrBTF)
	}
	t.members = b[size:end]
	return t, b[end:], nil
}

// find looks for members of a struct. One within an unnamed struct is not found.
func (t *btfType) find(all []wanted) {
	for i := range all {
		if w := &all[i]; w.structName == t.name && !w.found {
			w.found = t.member(w)
		}
	}
}

func (t *btfType) member(w *wanted) bool {
	for b := t.members; len(b) >= 12; b = b[12:] {
		offset := binary.NativeEndian.Uint32(b[8:]) & 0xffffff / 8 // the upper byte is for bit fields
		if binary.NativeEndian.Uint32(b) == w.memberName && offset <= math.MaxInt16 {
			*w.into = int16(offset)
			return true
		}
	}
	return false
}
