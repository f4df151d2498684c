package kernel

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"
)

// The table is the running kernel's own struct tcp_info, as far as that goes.
func TestInfoFieldsAreTheKernels(t *testing.T) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skipf("needs a kernel with BTF: %v", err)
	}
	var kernels *btf.Struct
	check(t, spec.TypeByName("tcp_info", &kernels))
	type member struct {
		Name              string
		Offset, Bits, Len int // in bits; Bits of a bit field, else 0
	}
	var want, got []member
	for _, m := range kernels.Members {
		size, err := btf.Sizeof(m.Type)
		check(t, err)
		want = append(want, member{strings.TrimPrefix(m.Name, "tcpi_"), int(m.Offset), int(m.BitfieldSize), 8 * size})
	}
	for _, f := range infoFields {
		if f.offset < int(kernels.Size) {
			got = append(got, member{f.name, 8*f.offset + f.shift, f.bits, 8 * f.size})
		}
	}
	if int(kernels.Size) > sizeofTCPInfo { // a newer kernel, whose rest is unnamed
		want = slices.DeleteFunc(want, func(m member) bool { return m.Offset >= 8*sizeofTCPInfo })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("struct tcp_info (-kernel +table):\n%s", diff)
	}
}

func TestInfoFieldsAreConsistent(t *testing.T) {
	if name := infoFields[infoLastDataSent].name; name != "last_data_sent" {
		t.Errorf("infoLastDataSent is the index of %s", name)
	}
	last := infoFields[len(infoFields)-1]
	if end := last.offset + last.size; end != sizeofTCPInfo {
		t.Errorf("the table ends at %d, sizeofTCPInfo is %d", end, sizeofTCPInfo)
	}
}

func TestTCPInfoAll(t *testing.T) {
	info := make(TCPInfo, 290)
	for i := range info {
		info[i] = byte(i)
	}
	word := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(info[at:])) }
	tests := []struct {
		name   string
		length int
		count  int               // of fields
		want   map[string]uint64 // some of the fields
		not    []string
	}{
		{name: "empty", not: []string{"state", "unnamed_at_280"}},
		{name: "half a field", length: 10, count: 8, want: map[string]uint64{"options": 5}, not: []string{"rto"}},
		{
			name: "Linux 3.10", length: 104, count: 32,
			want: map[string]uint64{"snd_wscale": 6, "rcv_wscale": 0, "rto": word(8), "total_retrans": word(100)},
			not:  []string{"delivery_rate_app_limited", "fastopen_client_fail", "pacing_rate"},
		},
		{
			name: "Linux 5.4", length: 232, count: 56,
			want: map[string]uint64{"delivery_rate_app_limited": 1, "fastopen_client_fail": 3, "snd_wnd": word(228)},
			not:  []string{"rcv_wnd"},
		},
		{
			name: "Linux 6.18", length: 280, count: 69,
			want: map[string]uint64{"total_rto": 240 | 241<<8, "unnamed_at_276": word(276)},
			not:  []string{"accecn_opt_seen", "unnamed_at_280"},
		},
		{
			name: "later", length: 290, count: 73,
			want: map[string]uint64{"unnamed_at_280": word(280), "unnamed_at_284": word(284), "unnamed_at_288": 288 & 255, "unnamed_at_289": 289 & 255},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := maps.Collect(info[:tt.length].All())
			if len(all) != tt.count {
				t.Errorf("got %d fields, want %d", len(all), tt.count)
			}
			for name, want := range tt.want {
				if got, ok := info[:tt.length].Field(name); !ok || got != want || all[name] != want {
					t.Errorf("%s is %d (%t), %d among all; want %d", name, got, ok, all[name], want)
				}
			}
			for _, name := range tt.not {
				if got, ok := info[:tt.length].Field(name); ok {
					t.Errorf("%s is %d, want none", name, got)
				}
			}
		})
	}
}

func TestTCPInfoLastDataSent(t *testing.T) {
	info := make(TCPInfo, 48)
	binary.NativeEndian.PutUint32(info[44:], 1500)
	if got, ok := info.LastDataSent(); !ok || got != 1500*time.Millisecond {
		t.Errorf("got %v (%t), want 1.5s", got, ok)
	}
	if got, ok := info[:47].LastDataSent(); ok {
		t.Errorf("got %v of a struct without it", got)
	}
}
