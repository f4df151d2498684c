package taskfile

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/cilium/ebpf/btf"
)

func kernelBTF(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Skipf("needs a kernel with BTF: %v", err)
	}
	return b
}

// The layout is what another reader of BTF finds.
func TestLayout(t *testing.T) {
	got, err := readLayout(kernelBTF(t))
	if errors.Is(err, ErrNotHere) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	offset := func(name, member string) int16 {
		var s *btf.Struct
		if err := spec.TypeByName(name, &s); err != nil {
			t.Fatal(err)
		}
		for _, m := range s.Members {
			if m.Name == member {
				return int16(m.Offset.Bytes())
			}
		}
		t.Fatalf("no %s.%s", name, member)
		panic("unreachable")
	}
	var iterator *btf.Func
	if err := spec.TypeByName("bpf_iter_task_file", &iterator); err != nil {
		t.Fatal(err)
	}
	id, err := spec.TypeID(iterator)
	if err != nil {
		t.Fatal(err)
	}
	want := layout{
		iterator: uint32(id),
		taskPid:  offset("task_struct", "pid"), taskTgid: offset("task_struct", "tgid"),
		fileInode: offset("file", "f_inode"), inodeNumber: offset("inode", "i_ino"),
		socketSk: offset("socket", "sk"), sockState: offset("sock_common", "skc_state"),
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLayoutOfDamage(t *testing.T) {
	whole := kernelBTF(t)
	for _, length := range []int{0, 1, 23, 24, 100, len(whole) / 2, len(whole) - 1} {
		if _, err := readLayout(whole[:length]); !errors.Is(err, ErrBTF) {
			t.Errorf("of the first %d bytes: %v", length, err)
		}
	}
}

// small is a BTF file with those types.
func small(types []byte) []byte {
	names := []byte("\x00bpf_iter_task_file\x00task_struct\x00pid\x00tgid\x00file\x00f_inode\x00inode\x00i_ino\x00socket\x00sk\x00sock_common\x00skc_state\x00bpf_sock_from_file\x00")
	b := []byte{0, 0, 1, 0}
	binary.NativeEndian.PutUint16(b, 0xeb9f)
	for _, v := range []int{24, 0, len(types), len(types), len(names)} {
		b = binary.NativeEndian.AppendUint32(b, uint32(v))
	}
	return append(append(b, types...), names...)
}

func FuzzLayout(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0})
	f.Add([]byte{20, 0, 0, 0, 1, 0, 0, 4, 8, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, types []byte) {
		l, err := readLayout(small(types))
		if err == nil && l.iterator == 0 || err != nil && !errors.Is(err, ErrBTF) {
			t.Errorf("layout %+v, %v", l, err)
		}
	})
}
