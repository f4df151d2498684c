package capture

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
)

// recording is the packets of the experiment b2-abort-on-overflow.
const recording = "testdata/b2-abort-on-overflow.pcapng"

// TestTsharkReadsTheSame compares every packet with what tshark reads, in a
// recording and in what other programs make of it.
func TestTsharkReadsTheSame(t *testing.T) {
	for _, program := range []string{"tshark", "editcap", "mergecap"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs " + program)
		}
	}
	tests := []struct {
		name    string
		program []string // IN and OUT are the files
	}{
		{"as recorded", nil},
		{"pcap", []string{"editcap", "-F", "pcap", "IN", "OUT"}},
		{"pcap, nanoseconds", []string{"editcap", "-F", "nsecpcap", "IN", "OUT"}},
		{"window only", []string{"editcap", "-s", "50", "IN", "OUT"}},
		{"options cut", []string{"editcap", "-s", "60", "IN", "OUT"}},
		{"gzip", []string{"sh", "-c", "gzip -c IN >OUT"}},
		{"raw IP", []string{"editcap", "-C", "14", "-L", "-T", "rawip", "-F", "pcap", "IN", "OUT"}},
		{"merged with itself", []string{"mergecap", "-I", "none", "-w", "OUT", "IN", "IN"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := recording
			if tt.program != nil {
				path = filepath.Join(t.TempDir(), "out")
				made(t, path, tt.program)
			}
			ours := read(t, path)
			if len(ours) < 50 {
				t.Errorf("only %d packets", len(ours))
			}
			if diff := cmp.Diff(byTshark(t, path), ours); diff != "" {
				t.Errorf("packets (-tshark +ours):\n%s", diff)
			}
		})
	}
}

// made runs a program that makes a capture of the recording.
func made(t *testing.T, path string, program []string) {
	t.Helper()
	files := strings.NewReplacer("IN", recording, "OUT", path)
	var args []string
	for _, a := range program[1:] {
		args = append(args, files.Replace(a))
	}
	if out, err := exec.Command(program[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", program, err, out)
	}
}

// fields are what tshark prints of a packet.
var fields = []string{
	"frame.number", "frame.time_epoch", "frame.interface_name", "frame.cap_len", "frame.len", "frame.comment",
	"ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len",
	"tcp.window_size_value", "tcp.options.mss_val", "tcp.options.timestamp.tsval",
}

func byTshark(t *testing.T, path string) []string {
	t.Helper()
	args := []string{"-r", path, "-T", "fields", "-o", "tcp.analyze_sequence_numbers:FALSE"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	return strings.Split(strings.TrimSuffix(tshark(t, args...), "\n"), "\n")
}

// read prints the same of each packet.
func read(t *testing.T, path string) (lines []string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	packets, interfaces, err := readAll(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		lines = append(lines, line(p, interfaces[p.Interface].Name))
	}
	return lines
}

func line(p Packet, name string) string {
	var comments []string
	for c := range p.Comments() {
		comments = append(comments, c)
	}
	f := []string{
		strconv.Itoa(p.Number), stampText(p.Time), name, strconv.Itoa(len(p.Data)), strconv.Itoa(p.Size), strings.Join(comments, ","),
	}
	if s := p.Segment; p.Skip == Taken {
		f = append(f, s.Src.Addr().String(), s.Dst.Addr().String(), fmt.Sprint(s.Src.Port()), fmt.Sprint(s.Dst.Port()),
			fmt.Sprint(s.Seq), fmt.Sprint(s.Ack), fmt.Sprintf("0x%04x", uint16(s.Flags)), fmt.Sprint(s.Len), fmt.Sprint(s.Window))
		f = append(f, values(s.Options)...)
	}
	return strings.Join(append(f, make([]string, len(fields)-len(f))...), "\t")
}

// values are those of options.
func values(o evidence.Options) []string {
	mss, stamp := "", ""
	if o.Present.Has(evidence.OptMSS) {
		mss = fmt.Sprint(o.MSS)
	}
	if o.Present.Has(evidence.OptTimestamps) {
		stamp = fmt.Sprint(o.TSVal)
	}
	return []string{mss, stamp}
}

// stampText is a time as tshark prints it.
func stampText(t time.Time) string {
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
