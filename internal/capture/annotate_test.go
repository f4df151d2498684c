package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// odd are comments on every other packet.
var odd = Words{Comment: func(n int) string {
	if n%2 == 1 {
		return fmt.Sprintf("ours %d", n)
	}
	return ""
}}

// everything is a file of every kind of block, which counts six packets.
func everything(o order) []byte {
	return slices.Concat(
		sectionBlock(o),
		interfaceBlock(o, Ethernet, 0, opt(o, optIfName, []byte("eth0"))),
		packetBlock(o, 0, 1, syn, 0, opt(o, optComment, []byte("theirs")), opt(o, optEndOfOpt, nil)),
		packetBlock(o, 0, 2, syn, 0, opt(o, optComment, []byte("theirs"))),
		packetBlock(o, 0, 3, syn[:53], 54),
		block(o, blockJournal, []byte("MESSAGE=x\n")),
		block(o, blockOld, numbers(o, 0, 0, 4, uint32(len(syn)), uint32(len(syn))), padded(syn)),
		block(o, blockSimple, numbers(o, uint32(len(syn))), padded(syn)),
		block(o, 0x0bad, []byte("secret")))
}

func TestAnnotate(t *testing.T) {
	plain := pcapFile(big, magicMicro, Raw, stored{stampSeconds, 5, syn[ethernetLen:], 0}, stored{stampSeconds, 6, syn[ethernetLen:53], 60})
	recorded, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		file []byte
	}{
		{"little endian", everything(little)},
		{"big endian", everything(big)},
		{"two sections", append(everything(big), everything(little)...)},
		{"pcap", plain},
		{"gzip", gzipped(t, everything(little))},
		{"a recording", recorded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Annotate(&out, bytes.NewReader(tt.file), "file", odd); err != nil {
				t.Fatal(err)
			}
			before, after := told(t, tt.file), told(t, out.Bytes())
			for i := range before {
				p := &before[i]
				if ours := odd.Comment(p.Number); ours != "" && p.room {
					p.Comments = append(p.Comments, ours)
				}
			}
			if diff := cmp.Diff(before, after, cmp.AllowUnexported(commented{}), addresses, visible); diff != "" {
				t.Errorf("packets (-before +after):\n%s", diff)
			}
		})
	}
}

type commented struct {
	Packet
	Comments []string
	room     bool // a simple packet block has none
}

func told(t *testing.T, file []byte) (all []commented) {
	t.Helper()
	packets, _, err := readAll(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		all = append(all, commented{p, slices.Collect(p.Comments()), !p.Time.IsZero()})
	}
	return all
}

// TestAnnotateKeepsOthers: blocks that are not ours to change are copied as they are.
func TestAnnotateKeepsOthers(t *testing.T) {
	var out bytes.Buffer
	nothing := Words{Comment: func(int) string { return "" }}
	file := append(everything(little), everything(big)...)
	if err := Annotate(&out, bytes.NewReader(file), "file", nothing); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file, out.Bytes()); diff != "" {
		t.Errorf("copy (-want +got):\n%s", diff)
	}
}

func TestAnnotateErrors(t *testing.T) {
	file := everything(little)
	var out bytes.Buffer
	err := Annotate(&out, bytes.NewReader(file[:len(file)-1]), "file", odd)
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Offset != int64(len(file)-20) {
		t.Errorf("a cut file gives %v", err)
	}
	if got := len(told(t, out.Bytes())); got != 5 {
		t.Errorf("%d packets before the cut, want 5", got)
	}
	if err := Annotate(full{}, bytes.NewReader(file), "file", odd); !errors.Is(err, errFull) {
		t.Errorf("a full disk gives %v", err)
	}
	if err := Annotate(&out, strings.NewReader("#!/bin/sh"), "file", odd); !errors.Is(err, errFormat) {
		t.Errorf("a script gives %v", err)
	}
	long := slices.Concat(sectionBlock(little), block(little, blockPacket, numbers(little, 0, 0, 0, 5, 5, 0)))
	if err := Annotate(&out, bytes.NewReader(long), "file", odd); !errors.As(err, &damage) {
		t.Errorf("a packet longer than its block gives %v", err)
	}
}

// TestAnnotateForTshark: it shows the comments and the names.
func TestAnnotateForTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	file, err := os.Open(recording)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	words := Words{
		Comment: func(n int) string { return fmt.Sprintf("größer %d", n) },
		Names:   map[netip.Addr]string{netip.MustParseAddr("192.0.2.1"): "client.lab", netip.MustParseAddr("fd00::1"): "other.lab"},
	}
	path := filepath.Join(t.TempDir(), "out.pcapng")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Annotate(out, file, recording, words), out.Close()); err != nil {
		t.Fatal(err)
	}
	got := tshark(t, "-r", path, "-c", "1", "-N", "nd", "-o", "nameres.use_external_name_resolver:FALSE", "-T", "fields", "-e", "frame.comment", "-e", "ip.src_host")
	if want := "größer 1\tclient.lab\n"; got != want {
		t.Errorf("tshark prints %q, want %q", got, want)
	}
}

// FuzzAnnotate: the copy holds the packets of the original and our comments.
func FuzzAnnotate(f *testing.F) {
	f.Add(everything(little), "why")
	f.Add(pcapFile(big, magicNano, LinuxSLL, stored{1, 1, syn, 0}), "größer")
	f.Fuzz(func(t *testing.T, file []byte, comment string) {
		if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			return
		}
		want, _, err := readAll(bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Annotate(&out, bytes.NewReader(file), "file", Words{Comment: func(int) string { return comment }}); err != nil {
			t.Fatal(err)
		}
		got, _, err := readAll(&out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, addresses, visible); diff != "" {
			t.Fatalf("packets (-original +copy):\n%s", diff)
		}
		for _, p := range got {
			if all := slices.Collect(p.Comments()); fitting(comment) != "" && !p.Time.IsZero() && (len(all) == 0 || all[len(all)-1] != fitting(comment)) {
				t.Fatalf("packet %d has comments %q", p.Number, all)
			}
		}
	})
}
