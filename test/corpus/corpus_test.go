package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// program builds listenq, once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "listenq-corpus-")
	if err != nil {
		return "", err
	}
	folder = dir
	path := filepath.Join(dir, "listenq")
	build := exec.Command("go", "build", "-o", path, "listenq/cmd/listenq")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

var folder string // of the program, once it is built

func TestMain(m *testing.M) {
	code := m.Run()
	if folder != "" {
		os.RemoveAll(folder)
	}
	os.Exit(code)
}

func listenq(t *testing.T) runner {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return runner{program: path, time: time.Minute, memory: 1 << 30}
}

// TestOwnCaptures runs over the captures that the project has: the packets bear out all that
// is said of them.
func TestOwnCaptures(t *testing.T) {
	r := listenq(t)
	for _, dir := range []string{"explain", "capture"} {
		files, err := captures(filepath.Join("..", "..", "internal", dir, "testdata"))
		if err != nil {
			t.Fatal(err)
		}
		for res := range each(files, 2, r.check) {
			for _, b := range res.broken {
				t.Errorf("%s: %s", b.file, b.what)
			}
			if strings.Contains(res.file, ".pcap") && (res.doc == nil || res.packets != res.doc.Packets) {
				t.Errorf("%s: %d packets are read, and it says %q", res.file, res.packets, res.refused)
			}
		}
	}
}

// field is the document on a capture of the field, and its packets.
func field(t *testing.T, name string) (*document, *capture) {
	t.Helper()
	r := listenq(t)
	path := filepath.Join("..", "..", "internal", "explain", "testdata", "field", name+".pcap")
	got, err := r.run("explain", "--json", "--all", path)
	if err != nil {
		t.Fatal(err)
	}
	doc := new(document)
	if err := json.Unmarshal([]byte(got.out), doc); err != nil {
		t.Fatal(err)
	}
	c, err := readCapture(path)
	if err != nil {
		t.Fatal(err)
	}
	return doc, c
}

// replaced puts other words into all that is said of packets.
func replaced(old, words string) func(*document) {
	return func(d *document) {
		for i := range d.Connections {
			for j := range d.Connections[i].Evidence {
				e := &d.Connections[i].Evidence[j]
				e.Text = strings.Replace(e.Text, old, words, 1)
			}
		}
	}
}

// TestDoctored: whatever is changed in a document that is right is found.
func TestDoctored(t *testing.T) {
	all := func(change func(*connection)) func(*document) {
		return func(d *document) {
			for i := range d.Connections {
				change(&d.Connections[i])
			}
		}
	}
	for _, x := range []struct {
		name, file string
		change     func(*document)
		want       string
	}{
		{"another packet", "real_nft_ack", all(func(c *connection) { c.Evidence[1].Packet++ }), "SYN-ACK:"},
		{"a packet that is not there", "f10_one_syn", all(func(c *connection) { c.Evidence[0].Packet = 99 }), "no segment of TCP"},
		{"another count", "real_nft_ack", replaced("again twice", "again 3 times"), `say" twice, after 1.0 and 3.0 s"`},
		{"another time", "real_nft_ack", replaced("3.0 s", "3.1 s"), `say" twice, after 1.0 and 3.0 s"`},
		{"another end of a list", "real_nft_ack", replaced(" and 6.7 s", " s and later"), "0.2, 0.4, 0.8, 1.7, 3.3 and 6.7 s"},
		{"a sentence of its own", "f10_one_syn", replaced("SYN", "a SYN of another world"), "nothing is known that checks"},
		{"data for a FIN", "f03b_data_refused_by_ack", replaced("the client's first data", "the client's FIN"), "it is no FIN"},
		{"final ACK for data", "f13_client_direction", replaced("final ACK", "data or FIN in place of the final ACK"), "it has 0 bytes"},
		{"an answer that was none", "f01_challenge_ack", replaced("it was answered for another connection", "it has had no answer, I say"), "nothing is known"},
		{"another byte", "f02_bad_ack_number", replaced("byte ", "byte 1"), "the number is not that of the RST"},
		{"a refusal too many", "f11_refused_thrice", replaced("3 times", "4 times"), "3 RSTs acknowledge"},
		{"a right checksum", "f03c_data_bad_checksum", replaced("the client's data comes", "the SYN comes"), "its checksum is right"},
		{"SYNs", "f11_refused_thrice", all(func(c *connection) { c.SYNsAgain++ }), "syn_retransmits: 3, and there are 2"},
		{"SYN-ACKs", "f22_synack_twice", all(func(c *connection) { c.SYNACKsAgain = 0 }), "synack_retransmits: 0, and there are 1"},
		{"data", "real_nft_ack", all(func(c *connection) { c.DataAgain += 2 }), "data_retransmits"},
		{"the beginning", "f10_one_syn", all(func(c *connection) { c.Start = 3 }), "start_ms"},
		{"a delay", "f01_challenge_ack", all(func(c *connection) {
			if c.Delay != nil {
				*c.Delay += 10
			}
		}), "delay_ms"},
		{"served sooner", "f15_defer_accept", all(func(c *connection) {
			if c.Then != nil {
				c.Then.After /= 2
			}
		}), "then: served after"},
		{"no sequel", "real_nft_ack", all(func(c *connection) { c.Then = nil }), "then is absent"},
		{"accepted", "f10_one_syn", all(func(c *connection) { c.Outcome = "accepted" }), "the server has sent neither data"},
		{"refused", "f10_one_syn", all(func(c *connection) { c.Outcome = "refused" }), "no RST acknowledges"},
		{"unanswered", "f22_synack_twice", all(func(c *connection) { c.Outcome = "unanswered" }), "there is a SYN-ACK"},
		{"certain, but", "real_nft_ack", all(func(c *connection) { c.Confidence = "certain" }), "alternatives"},
		{"a connection less", "f10_one_syn", func(d *document) { d.Connections = nil }, "0 connections are listed"},
		{"packets", "f10_one_syn", func(d *document) { d.Packets++ }, "packets: 2, and there are 1"},
		{"the end", "real_nft_ack", func(d *document) { d.Span++ }, "duration_ms"},
		{"skipped", "real_nft_ack", func(d *document) { d.Skipped["not-ip"] = 1 }, "skipped_packets leave"},
		{"a verdict's whole", "real_nft_ack", verdict("of 7 connections", "of 9 connections"), "there are 7 attempts"},
		{"a verdict's part", "real_nft_ack", verdict("4 had packets", "7 had packets"), "the packets have 4"},
		{"a verdict's words", "real_nft_ack", verdict("4 had packets dropped", "4 had bad luck"), "checks all of its numbers"},
		{"an old connection more", "f01_challenge_ack", verdict("3 met an old", "2 met an old"), "the packets have 3"},
		{"what is not lacking", "f11_refused_thrice", verdict("each SYN", "the server's packets are not in the capture: each SYN"), "connections have that"},
		{"handshakes", "f01_challenge_ack", func(d *document) { d.Files[0].How = "by the waits in 40 handshakes" }, "handshakes are whole"},
	} {
		t.Run(x.name, func(t *testing.T) {
			doc, c := field(t, x.file)
			res := &result{file: x.file}
			if checkPackets(res, doc, c); len(res.broken) > 0 {
				t.Fatalf("before the change: %v", res.broken)
			}
			x.change(doc)
			checkPackets(res, doc, c)
			res.expect(t, x.want)
		})
	}
}

func verdict(old, words string) func(*document) {
	return func(d *document) {
		for i := range d.Listeners {
			d.Listeners[i].Verdict = strings.Replace(d.Listeners[i].Verdict, old, words, 1)
		}
	}
}

// expect fails if nothing was found that says so.
func (r *result) expect(t *testing.T, want string) {
	t.Helper()
	for _, b := range r.broken {
		if strings.Contains(b.what, want) {
			return
		}
	}
	t.Errorf("nothing says %q: %v", want, r.broken)
}

// TestSums: what does not add up is found.
func TestSums(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*document)
		want   string
	}{
		{"attempts", func(d *document) { d.Listeners[0].Attempts++ }, "attempts, "},
		{"outcomes", func(d *document) { d.Listeners[0].Outcomes["reset"]++ }, "outcomes"},
		{"causes", func(d *document) {
			d.Listeners[0].Causes["none"]--
			d.Listeners[0].Causes["client"]++
		}, "its groups are"},
		{"a group", func(d *document) { d.Groups[0].Count++ }, "of groups"},
		{"its time", func(d *document) { d.Groups[0].Last += 5 }, "its connections are from"},
		{"its example", func(d *document) { d.Groups[0].Example.SYNsAgain++ }, "the example is no connection"},
		{"left out", func(d *document) { d.LeftOut++ }, "of groups"},
		{"skipped", func(d *document) { d.Skipped["not-ip"] = 1000 }, "are skipped"},
	} {
		t.Run(x.name, func(t *testing.T) {
			doc, _ := field(t, "real_nft_ack")
			res := &result{file: "real_nft_ack"}
			if checkSums(res, doc); len(res.broken) > 0 {
				t.Fatalf("before the change: %v", res.broken)
			}
			x.change(doc)
			checkSums(res, doc)
			res.expect(t, x.want)
		})
	}
}
