package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"listenq/internal/evidence"
	"listenq/internal/lab/facts"
	"listenq/internal/record"
)

// experiments runs those of one page, each once.
type experiments struct {
	dir     string
	answers map[string]string
}

// make makes a part of a page: what `listenq lab run` or `lab show` print, or
// tables from the recording.
func (x *experiments) make(t *testing.T, kind, name, wanted string) string {
	t.Helper()
	switch kind {
	case "facts":
		return kernelFacts(t)
	case "script":
		return script(t, name)
	case "run":
		return chosen(t, x.run(t, name), strings.Fields(wanted), "$ listenq lab run --out rec "+name)
	case "packets":
		x.run(t, name)
		return packets(t, filepath.Join(x.dir, name), name, wanted)
	case "states":
		x.run(t, name)
		return states(t, filepath.Join(x.dir, name), wanted)
	}
	t.Fatalf("no kind %q", kind)
	return ""
}

func (x *experiments) run(t *testing.T, name string) string {
	t.Helper()
	if answer, ok := x.answers[name]; ok {
		return answer
	}
	if x.answers == nil {
		x.answers = map[string]string{}
	}
	x.answers[name] = program(t, "lab", "run", "--out", x.dir, name)
	return x.answers[name]
}

var (
	expects = regexp.MustCompile(`(?m)^expect .*\n`)
	gap     = regexp.MustCompile(`\n{3,}`)
)

// script is what an experiment does, without its header and what it expects.
func script(t *testing.T, name string) string {
	t.Helper()
	_, body, ok := strings.Cut(program(t, "lab", "show", name), "\n\n")
	if !ok {
		t.Fatalf("%s has no header", name)
	}
	body = gap.ReplaceAllString(expects.ReplaceAllString(body+"\n", ""), "\n\n")
	return "```lab\n" + strings.TrimSpace(body) + "\n```\n"
}

// chosen is of an answer the paragraphs and lines that begin with one of the
// words, and … for what is between. The last paragraph, with the kernel and the
// folder, is never there.
func chosen(t *testing.T, answer string, words []string, command string) string {
	t.Helper()
	out := command
	left := false
	paragraphs := strings.Split(strings.TrimSpace(answer), "\n\n")
	for _, paragraph := range paragraphs[:len(paragraphs)-1] {
		kept := keep(paragraph, words)
		switch {
		case kept != "":
			out += "\n\n" + kept
		case !left:
			out += "\n\n…"
		}
		left = kept == ""
	}
	for _, w := range words {
		if !strings.Contains(out, "\n"+w+" ") {
			t.Errorf("nothing begins with %q in\n%s", w, answer)
		}
	}
	return "```console\n" + strings.ReplaceAll(out, "\n\n…", "\n…") + "\n```\n"
}

// keep keeps the paragraph, or its first line and those of the words.
func keep(paragraph string, words []string) string {
	lines := strings.Split(paragraph, "\n")
	var kept []string
	for _, w := range words {
		if strings.HasPrefix(paragraph, w+" ") {
			return paragraph
		}
	}
	for _, line := range lines[1:] {
		for _, w := range words {
			if strings.HasPrefix(line, w+" ") {
				kept = append(kept, line)
			}
		}
	}
	if kept == nil {
		return ""
	}
	return strings.Join(append(lines[:1], kept...), "\n")
}

// packets is a table of the packets that a filter of Wireshark chooses, as they
// were at the server.
func packets(t *testing.T, recording, name, filter string) string {
	t.Helper()
	fields := []string{"tcp.time_relative", "tcp.dstport", "tcp.flags.str", "tcp.seq", "tcp.ack", "tcp.len", "frame.comment"}
	args := []string{"-n", "-r", filepath.Join(recording, record.PacketsFile), "-Y", filter + ` && frame.interface_name != "client"`, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "`rec/%s/%s`, `%s`:\n\n", name, record.PacketsFile, filter)
	table.WriteString("| ms | from | flags | seq | ack | bytes | comment in the capture |\n|--:|---|---|--:|--:|--:|---|\n")
	for line := range strings.Lines(output(t, exec.Command("tshark", args...))) {
		table.WriteString(packetRow(t, strings.Split(strings.TrimSuffix(line, "\n"), "\t")))
	}
	return table.String()
}

func packetRow(t *testing.T, f []string) string {
	t.Helper()
	var seconds float64
	if _, err := fmt.Sscan(f[0], &seconds); err != nil || len(f) != 7 {
		t.Fatalf("packet %q: %v", f, err)
	}
	from := "server"
	if f[1] == "8080" {
		from = "client"
	}
	return fmt.Sprintf("| %.1f | %s | %s | %s | %s | %s | %s |\n", seconds*1000, from, flags(f[2]), f[3], f[4], f[5], f[6])
}

func flags(letters string) string {
	var set []string
	for _, flag := range []string{"SYN", "FIN", "RST", "PSH", "ACK"} {
		if strings.Contains(letters, flag[:1]) {
			set = append(set, flag)
		}
	}
	return strings.Join(set, " ")
}

// states is a table of the states of one side's socket from the handshake on, when
// each was seen first.
func states(t *testing.T, recording, side string) string {
	t.Helper()
	table := "| s | " + side + " | Recv-Q | Send-Q | timer |\n|--:|---|--:|--:|---|\n"
	var last evidence.State
	for line := range strings.Lines(read(t, filepath.Join(recording, record.EventsFile))) {
		var ev record.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		s := ev.Socket
		if s == nil || s.Side != side || s.State == last || last == "" && s.State != evidence.Established {
			continue
		}
		last = s.State
		table += fmt.Sprintf("| %.2f | %s | %d | %d | %s |\n", ev.T.Seconds(), s.State, s.RecvQ, s.SendQ, cmp.Or(s.Timer, "-"))
	}
	return table
}

var release = regexp.MustCompile(`^\d+\.\d+`)

// kernelFacts is a table of how this kernel behaves.
func kernelFacts(t *testing.T) string {
	t.Helper()
	var k struct {
		Kernel string
		Facts  []struct {
			Name  string
			Value any
		}
	}
	if err := json.Unmarshal([]byte(program(t, "kernel", "--json")), &k); err != nil {
		t.Fatal(err)
	}
	table := fmt.Sprintf("| fact | Linux %s | |\n|---|---|---|\n", release.FindString(k.Kernel))
	said := map[string]any{}
	for _, f := range k.Facts {
		said[f.Name] = f.Value
	}
	for _, f := range facts.All() {
		if f.Zero != false {
			continue
		}
		yes, known := said[f.Name].(bool)
		if !known {
			t.Fatalf("%s is unknown", f.Name)
		}
		table += fmt.Sprintf("| `%s` | %s | %s |\n", f.Name, map[bool]string{true: "yes", false: "no"}[yes], f.Meaning)
	}
	return table
}
