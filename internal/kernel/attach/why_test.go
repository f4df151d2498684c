package attach

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestExplain(t *testing.T) {
	trial := trial{name: "kprobe_multi", rights: forTracing, needs: "CONFIG_FPROBE"}
	root, none := process{capabilities: ^uint64(0)}, process{}
	for _, test := range []struct {
		name    string
		err     error
		who     process
		want    string
		unknown bool
	}{
		{"denied", unix.EPERM, none, "trying needs CAP_BPF and CAP_PERFMON, which root has", true},
		{"access denied", fmt.Errorf("attach: %w", unix.EACCES), process{capabilities: 1 << unix.CAP_BPF}, "trying needs CAP_BPF and CAP_PERFMON, which root has", true},
		{"in a user namespace", unix.EPERM, process{capabilities: ^uint64(0), userns: true}, "trying is not allowed in a user namespace: run as root outside of it", true},
		{"locked down", unix.EPERM, process{capabilities: ^uint64(0), lockdown: "integrity"}, "the kernel is locked down: integrity (/sys/kernel/security/lockdown)", false},
		{"refused", unix.EPERM, root, "refused (EPERM) although the rights are there: by a security module, a seccomp filter or how this kernel was built", false},
		{"no bpf()", unix.ENOSYS, none, "there is no bpf(): the kernel is built without CONFIG_BPF_SYSCALL, or a seccomp filter hides it", false},
		{"not built in", unix.EOPNOTSUPP, root, "this kernel does not have it: it needs CONFIG_FPROBE", false},
		{"kernel's own errno", notSupported, root, "this kernel does not have it: it needs CONFIG_FPROBE", false},
		{"library knows", fmt.Errorf("attach: %w", ebpf.ErrNotSupported), root, "this kernel does not have it: it needs CONFIG_FPROBE", false},
		{"no function of that name", os.ErrNotExist, root, "this kernel does not have it: it needs CONFIG_FPROBE", false},
		{"nothing mounted", errNoTracefs, none, errNoTracefs.Error(), false},
		{"anything else", unix.ENOMEM, root, "the kernel answers: cannot allocate memory", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := Result{Name: trial.name, Why: test.want, Unknown: test.unknown}
			if diff := cmp.Diff(want, trial.result(test.err, test.who)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCgroupPath(t *testing.T) {
	const v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
	const hybrid = "32 23 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n42 23 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	for _, test := range []struct{ name, mounts, groups, want string }{
		{"unified", v2, "0::/user.slice/a.scope\n", "/sys/fs/cgroup/user.slice/a.scope"},
		{"root", v2, "0::/\n", "/sys/fs/cgroup"},
		{"hybrid", hybrid, "3:cpu:/x\n0::/y\n", "/sys/fs/cgroup/unified/y"},
		{"a part of it", "30 23 0:26 /a/b /sys/fs/cgroup rw - cgroup2 none rw\n", "0::/a/b/c\n", "/sys/fs/cgroup/c"},
		{"another part of it", "30 23 0:26 /a /sys/fs/cgroup rw - cgroup2 none rw\n", "0::/b\n", ""},
		{"version 1 alone", "32 23 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "3:cpu:/x\n", ""},
		{"not mounted", "", "0::/\n", ""},
		{"damaged", "30 - cgroup2\nx\n", "0::/\n", ""},
	} {
		if got := cgroupPath([]byte(test.mounts), []byte(test.groups)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestEffective(t *testing.T) {
	for status, want := range map[string]uint64{
		"Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n": 0x1ffffffffff,
		"CapEff:\t0000000000000000\n":                       0,
		"CapEff:\tx\n":                                      0,
		"":                                                  0,
	} {
		if got := effective([]byte(status)); got != want {
			t.Errorf("%q: %#x, want %#x", status, got, want)
		}
	}
}

// kernelTypes are types as a kernel may have them.
func kernelTypes(t *testing.T, types ...btf.Type) *Types {
	t.Helper()
	builder, err := btf.NewBuilder(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := builder.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return &Types{spec}
}

func TestTypes(t *testing.T) {
	tracepoint := func(name string, arguments ...btf.Type) btf.Type {
		f := &btf.FuncProto{Return: &btf.Void{}, Params: []btf.FuncParam{{Type: &btf.Pointer{Target: &btf.Void{}}}}}
		for _, a := range arguments {
			f.Params = append(f.Params, btf.FuncParam{Type: a})
		}
		return &btf.Typedef{Name: "btf_trace_" + name, Type: &btf.Pointer{Target: f}}
	}
	skb := &btf.Pointer{Target: &btf.Struct{Name: "sk_buff", Size: 8}}
	reason := &btf.Enum{Name: "skb_drop_reason", Size: 4, Values: []btf.EnumValue{{Name: "SKB_DROP_REASON_NO_SOCKET", Value: 3}}}
	types := kernelTypes(t,
		tracepoint("old", skb, &btf.Pointer{Target: &btf.Void{}}),
		tracepoint("new", skb, &btf.Pointer{Target: &btf.Void{}}, reason, &btf.Pointer{Target: &btf.Const{Type: &btf.Fwd{Name: "sock"}}}),
		&btf.Typedef{Name: "btf_trace_none", Type: &btf.Int{Name: "int", Size: 4}},
	)
	for name, want := range map[string][]string{
		"old":     {"struct sk_buff *", "void *"},
		"new":     {"struct sk_buff *", "void *", "enum skb_drop_reason", "struct sock *"},
		"missing": nil,
	} {
		got, err := types.Arguments(name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if got, err := types.Arguments("none"); err == nil || !strings.Contains(err.Error(), "is no pointer") {
		t.Errorf("a type that is no function: %v, %v", got, err)
	}
	if got, err := types.Enumerators("skb_drop_reason", "SKB_DROP_REASON_"); err != nil || !cmp.Equal(got, []string{"NO_SOCKET"}) {
		t.Errorf("enumerators: %v, %v", got, err)
	}
	if got, err := types.Enumerators("sk_rst_reason", ""); err != nil || got != nil {
		t.Errorf("an enum that there is not: %v, %v", got, err)
	}
	if _, err := types.Enumerators("sk_buff", ""); err != nil && errors.Is(err, btf.ErrNotFound) {
		t.Errorf("a struct instead of an enum: %v", err)
	}
}
