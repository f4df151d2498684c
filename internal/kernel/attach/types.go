package attach

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Types is the kernel's description of its own types (BTF), which everybody may
// read.
type Types struct{ spec *btf.Spec }

// LoadTypes reads /sys/kernel/btf/vmlinux. The error is os.ErrNotExist where the
// kernel was built without CONFIG_DEBUG_INFO_BTF.
func LoadTypes() (*Types, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's BTF: %w", err)
	}
	return &Types{spec}, nil
}

// Arguments are the types of what a tracepoint hands to a program, such as "enum
// skb_drop_reason" or "struct sock *"; nil if there is no such tracepoint. They are
// those of the function type btf_trace_NAME (DEFINE_BPF_TRACE,
// include/trace/bpf_probe.h, since 5.5), whose first is the program's own.
func (t *Types) Arguments(tracepoint string) ([]string, error) {
	var def *btf.Typedef
	err := t.spec.TypeByName("btf_trace_"+tracepoint, &def)
	if errors.Is(err, btf.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tracepoint %s: %w", tracepoint, err)
	}
	pointer, ok := def.Type.(*btf.Pointer)
	if !ok {
		return nil, fmt.Errorf("tracepoint %s: %v is no pointer", tracepoint, def.Type)
	}
	function, ok := pointer.Target.(*btf.FuncProto)
	if !ok || len(function.Params) == 0 {
		return nil, fmt.Errorf("tracepoint %s: %v takes no arguments", tracepoint, pointer.Target)
	}
	var all []string
	for _, p := range function.Params[1:] {
		all = append(all, typeName(p.Type))
	}
	return all, nil
}

// typeName is a type as C has it, without qualifiers.
func typeName(t btf.Type) string {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Pointer:
		return typeName(t.Target) + " *"
	case *btf.Struct:
		return "struct " + t.Name
	case *btf.Fwd:
		return "struct " + t.Name
	case *btf.Enum:
		return "enum " + t.Name
	case *btf.Void:
		return "void"
	default:
		return t.TypeName()
	}
}

// Enumerators are the names of an enum's values, without what they begin with;
// nil if there is no such enum.
func (t *Types) Enumerators(enum, prefix string) ([]string, error) {
	var e *btf.Enum
	err := t.spec.TypeByName(enum, &e)
	if errors.Is(err, btf.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("enum %s: %w", enum, err)
	}
	var all []string
	for _, v := range e.Values {
		all = append(all, strings.TrimPrefix(v.Name, prefix))
	}
	return all, nil
}
