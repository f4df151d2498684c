package filter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
)

func TestRanges(t *testing.T) {
	got := ranges([]uint16{20001, 20002, 20003, 20007, 20005, 20006})
	want := []portRange{{20001, 20003}, {20007, 20007}, {20005, 20006}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(portRange{})); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
}

// segment is a header of TCP with so many words, and data behind it.
func segment(source uint16, flags byte, words, data int) []byte {
	s := make([]byte, 4*words+data)
	s[0], s[1] = byte(source>>8), byte(source)
	s[offsetAt], s[flagsAt] = byte(words<<4), flags
	return s
}

// TestProgram runs the programs of sockets over segments of each kind.
func TestProgram(t *testing.T) {
	segments := map[string][]byte{
		"syn":      segment(1, flagSYN, 10, 0),
		"syn-ack":  segment(1, flagSYN|flagACK, 10, 0),
		"ack":      segment(1, flagACK, 8, 0),
		"bare ack": segment(1, flagACK, 5, 0),
		"data":     segment(1, flagACK, 8, 3),
		"fin":      segment(1, flagFIN|flagACK, 8, 0),
		"rst":      segment(1, flagRST, 5, 0),
	}
	every := []string{"ack", "bare ack", "data", "fin", "rst", "syn", "syn-ack"}
	for kind, want := range map[Kind][]string{
		SYN: {"syn"}, SYNACK: {"syn-ack"}, ACK: {"ack", "bare ack"}, Data: {"data"}, FIN: {"fin"}, RST: {"rst"}, All: every,
	} {
		for _, ports := range [][]uint16{nil, {1}, {5, 7, 1}, {2}} {
			r := Rule{Kind: kind, ToServer: true, Ports: ports}
			vm := assembled(t, r)
			var got []string
			for _, name := range every {
				kept, err := vm.Run(segments[name])
				if err != nil {
					t.Fatal(err)
				}
				if kept == 0 {
					got = append(got, name)
				}
			}
			if len(ports) == 1 && ports[0] == 2 {
				want = nil // from another client
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s from %v (-want +got):\n%s", kind, ports, diff)
			}
		}
	}
}

// assembled is the program of a rule on a machine that runs it.
func assembled(t *testing.T, r Rule) *bpf.VM {
	t.Helper()
	raw, err := r.Program()
	if err != nil {
		t.Fatal(err)
	}
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatalf("%s: not all of it is known: %v", r.Kind, program)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}
