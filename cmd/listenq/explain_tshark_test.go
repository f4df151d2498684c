package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/record"
)

// again counts what was sent again on one connection, and its RSTs.
type again struct{ SYN, SYNACK, Data, RST int }

// TestExplainCountsAsTshark compares with what tshark calls a retransmission, connection
// by connection, fast and spurious ones among them. The definitions differ so:
//
//   - A recording has each frame twice, as it was sent and as it arrived: to tshark the
//     second is sent again. So each interface is a capture of its own here.
//   - Of data, the client's is counted: the server's says nothing of a handshake.
//   - A packet that comes later than one with a higher number is out of order to tshark
//     if that is soon, and sent again if not; neither happens in these captures.
//   - SYN-ACKs within 0.45 s of each other are one to us: the server's timer and an answer
//     to the client's SYN send them at one moment, about 1 s after the first, and copies
//     look the same. tshark counts both; here they count once in what it reads, too.
//   - A keep-alive is neither here nor there.
//   - RSTs are no counts of explain's; those of its reader are compared, as it tells what
//     became of a connection by them.
func TestExplainCountsAsTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("runs experiments of seconds")
	}
	needs(t, "tshark")
	dir := t.TempDir()
	generator := filepath.Join(dir, "gencapture")
	output(t, exec.Command("go", "build", "-o", generator, "listenq/test/gencapture"))
	for name, flags := range map[string][]string{
		"mixed":    {"-attempts", "600", "-web", "60", "-overflow", "35", "-flood", "5"},
		"overflow": {"-attempts", "300", "-web", "0", "-overflow", "1", "-flood", "0", "-every", "40ms"},
		"flood":    {"-attempts", "500", "-web", "10", "-overflow", "10", "-flood", "80", "-unanswered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, name+".pcapng")
			output(t, exec.Command(generator, append(flags, "-bytes", "0", file)...))
			sameCounts(t, file, name != "flood")
		})
	}
	// Retransmissions of each kind: of SYNs, of SYN-ACKs, of data, by loss and by queues.
	for _, name := range []string{
		"a5-data-after-expiry", "b1-late", "b2-abort-on-overflow", "b4-without-delay", "c4-at-once", "a2-clients-close", "d5-request-before-accept", "x8-lossy-network",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program(t, "lab", "run", "--out", dir, name)
			for _, side := range []string{"client", "server"} {
				file := filepath.Join(dir, name+"-"+side+".pcapng")
				output(t, exec.Command("tshark", "-r", filepath.Join(dir, name, record.PacketsFile), "-Y", `frame.interface_name == "`+side+`"`, "-w", file))
				sameCounts(t, file, false)
			}
		})
	}
}

// sameCounts compares all connections of a capture, of which some must have something
// sent again if that is demanded.
func sameCounts(t *testing.T, file string, some bool) {
	t.Helper()
	ours, theirs := countedByUs(t, file), countedByTshark(t, file)
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("%s: sent again (-tshark +explain):\n%s", filepath.Base(file), diff)
	}
	var sum again
	for _, a := range ours {
		sum.SYN, sum.SYNACK, sum.Data, sum.RST = sum.SYN+a.SYN, sum.SYNACK+a.SYNACK, sum.Data+a.Data, sum.RST+a.RST
	}
	t.Logf("%s: %d connections, %+v", filepath.Base(file), len(ours), sum)
	if some && (sum.SYN == 0 || sum.SYNACK == 0 || sum.Data == 0 || sum.RST == 0) {
		t.Errorf("%s: %+v in all: nothing to compare", filepath.Base(file), sum)
	}
}

func countedByUs(t *testing.T, file string) map[string]again {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "explain", "--all", "--json", file)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	text, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("%v: %v", cmd, err)
	}
	var report struct {
		Connections []struct {
			Client, Server    string
			SynRetransmits    int `json:"syn_retransmits"`
			SynAckRetransmits int `json:"synack_retransmits"`
			DataRetransmits   int `json:"data_retransmits"`
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	all := resets(t, file)
	for _, c := range report.Connections {
		a := all[c.Client+" > "+c.Server]
		a.SYN, a.SYNACK, a.Data = a.SYN+c.SynRetransmits, a.SYNACK+c.SynAckRetransmits, a.Data+c.DataRetransmits
		all[c.Client+" > "+c.Server] = a
	}
	return all
}

// served reports that a port is that of a server in these captures.
func served(port uint16) bool { return slices.Contains([]uint16{443, 8080, 8443}, port) }

// resets counts the RSTs in a capture.
func resets(t *testing.T, file string) map[string]again {
	t.Helper()
	data, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	r, err := capture.NewReader(data, file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]again{}
	var p capture.Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
		if s := &p.Segment; p.Skip == capture.Taken && s.Flags.Has(evidence.RST) {
			client, server := s.Src, s.Dst
			if served(client.Port()) {
				client, server = server, client
			}
			a := all[client.String()+" > "+server.String()]
			a.RST++
			all[client.String()+" > "+server.String()] = a
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return all
}

// countedByTshark counts what tshark calls sent again, and RSTs.
func countedByTshark(t *testing.T, file string) map[string]again {
	t.Helper()
	args := []string{"-r", file, "-o", "tcp.relative_sequence_numbers:FALSE", "-Y", "tcp", "-T", "fields"}
	for _, field := range []string{
		"ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.reset",
		"tcp.analysis.retransmission", "tcp.analysis.keep_alive", "frame.time_relative", "tcp.options.timestamp.tsval",
	} {
		args = append(args, "-e", field)
	}
	all := map[string]again{}
	answered := map[string]float64{} // when the last SYN-ACK that counts was sent
	stamped := map[string]string{}   // and its timestamp: one of another is no copy
	for line := range strings.Lines(output(t, exec.Command("tshark", args...))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		client, server := f[0]+":"+f[2], f[1]+":"+f[3]
		answer := served(number16(t, f[2]))
		if answer {
			client, server = server, client
		}
		a := all[client+" > "+server]
		syn, ack, repeated := truth(f[4]), truth(f[5]), f[7] != "" && f[8] == ""
		if syn && ack {
			const together = 0.45
			now, last := seconds(t, f[9]), answered[client+" > "+server]
			another := now-last >= together || f[10] != stamped[client+" > "+server]
			repeated = repeated && another
			if last == 0 || another {
				answered[client+" > "+server], stamped[client+" > "+server] = now, f[10]
			}
		}
		switch {
		case truth(f[6]):
			a.RST++
		case !repeated:
		case syn && !ack:
			a.SYN++
		case syn:
			a.SYNACK++
		case !answer:
			a.Data++
		}
		all[client+" > "+server] = a
	}
	return all
}

// truth reads a flag, which tshark prints as True or 1 by its version.
func truth(text string) bool { return text == "True" || text == "1" }

func seconds(t *testing.T, text string) (s float64) {
	t.Helper()
	if _, err := fmt.Sscan(text, &s); err != nil {
		t.Fatalf("time %q: %v", text, err)
	}
	return s
}

func number16(t *testing.T, text string) (n uint16) {
	t.Helper()
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("port %q: %v", text, err)
	}
	return n
}
