package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"listenq/internal/evidence"
)

// TestTshark: another program reads what was written, and complains about nothing.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	path := filepath.Join(t.TempDir(), "packets.pcapng")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.UTC)
	w, err := NewWriter(file, start, "listenq test", "client", "server")
	if err != nil {
		t.Fatal(err)
	}
	syn := ether(etherIPv4, changed(changed(ipv4(nil, segmentOf(1)), 10, 0x26), 11, 0xce)) // the header's checksum
	other := changed(syn, 14+20+1, 0x41)                                                   // from another port
	v6 := ether(etherIPv6, ipv6(protoTCP, segmentOf(2)))
	for _, frame := range [][]byte{syn, other, v6} {
		FillChecksums(frame)
	}
	packets := []struct {
		iface   int
		t       time.Duration
		frame   []byte
		comment string
	}{
		{0, 0, syn, ""},
		{1, 1500 * time.Nanosecond, other, "final ACK dropped: accept queue full, 2 of limit 1"},
		{1, time.Second, v6, "größer"},
	}
	for _, p := range packets {
		if err := w.Packet(p.iface, p.t, p.frame, p.comment); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}

	got := tshark(t, "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-T", "fields",
		"-e", "frame.interface_name", "-e", "frame.time_epoch", "-e", "frame.comment",
		"-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-e", "_ws.expert.message")
	want := "client\t1795176000.123456789\t\t1\t1\tConnection establish request (SYN): server port 80\n" +
		"server\t1795176000.123458289\tfinal ACK dropped: accept queue full, 2 of limit 1\t1\t1\t" +
		"final ACK dropped: accept queue full, 2 of limit 1,Connection establish request (SYN): server port 80\n" +
		"server\t1795176001.123456789\tgrößer\t\t1\tgrößer,Connection establish request (SYN): server port 80\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tshark prints (-want +got):\n%s", diff)
	}
}

// segmentOf returns a SYN of that sequence number.
func segmentOf(seq byte) []byte {
	h := changed(tcpHeader, 7, seq)
	h[11], h[13] = 0, byte(evidence.SYN)
	return h
}

func TestWriterErrors(t *testing.T) {
	if _, err := NewWriter(io.Discard, time.Time{}, "listenq"); err == nil {
		t.Error("a writer without an interface was made")
	}
	w, err := NewWriter(io.Discard, time.Now(), "listenq", "client")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Packet(1, 0, make([]byte, 60), ""); err == nil {
		t.Error("a packet of an interface that was not named was written")
	}
	w, err = NewWriter(full{}, time.Now(), "listenq", "client")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("a full disk gives %v", err)
	}
}

var errFull = errors.New("no space left on device")

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestWriterLongComment: what does not fit an option is cut, and the file stays whole.
func TestWriterLongComment(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, time.Unix(0, 0), "listenq", "client")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("ü", 40_000)
	for range 2 {
		if err := w.Packet(0, 0, make([]byte, 60), long); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _, options, err := r.ReadPacketDataWithOptions()
		if err != nil {
			t.Fatal(err)
		}
		if got := options.Comments[0]; !strings.HasPrefix(long, got) || len(got) < 60_000 || !utf8.ValidString(got) {
			t.Errorf("comment of %d bytes is not the beginning of the one written", len(got))
		}
	}
}

func TestWriterAllocations(t *testing.T) {
	w, err := NewWriter(io.Discard, time.Now(), "listenq", "client")
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 74)
	if n := testing.AllocsPerRun(1000, func() {
		if err := w.Packet(0, time.Second, frame, ""); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for each packet, want 0", n)
	}
}

func BenchmarkWriter(b *testing.B) {
	w, err := NewWriter(io.Discard, time.Now(), "listenq", "client")
	if err != nil {
		b.Fatal(err)
	}
	frame := make([]byte, 74)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Packet(0, time.Second, frame, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// tshark returns what tshark prints, and expects nothing on stderr.
func tshark(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command("tshark", args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("tshark: %v: %s", err, &stderr)
	}
	var complaints []string
	for line := range strings.Lines(stderr.String()) {
		if !strings.Contains(line, "Running as user") {
			complaints = append(complaints, line)
		}
	}
	if diff := cmp.Diff([]string(nil), complaints); diff != "" {
		t.Errorf("tshark's stderr (-want +got):\n%s", diff)
	}
	return stdout.String()
}
