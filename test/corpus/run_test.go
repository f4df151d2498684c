package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRun: a program that goes wrong is told of, whatever it does.
func TestRun(t *testing.T) {
	for _, x := range []struct {
		name, script, want string
	}{
		{"takes long", "exec sleep 10", "it took more than 200ms"},
		{"takes memory", "echo 'fatal error: runtime: cannot allocate memory' >&2; exit 2", "it took more than 64 MiB"},
		{"panics", "echo 'panic: oh' >&2; echo 'goroutine 1 [running]:' >&2; exit 2", "exit code 2: panic: oh"},
		{"is killed", "kill -SEGV $$", "exit code -1"},
		{"has an exit code of its own", "exit 7", "exit code 7"},
		{"says nothing", "exit 2", "without a word"},
		{"says nonsense", "echo '{'", "the JSON cannot be read"},
		{"refuses what is a capture", "echo 'listenq: error: no' >&2; exit 2", "1 packets can be read"},
		{"says too little", `case $* in *--json*) echo '{"packets":1,"listeners":[{"address":"a:1"}]}';; esac; exit 0`, `does not end with "Exit code 0"`},
		{"says one thing and does another", `case $* in *--json*) echo '{"packets":1}';; esac; exit 1`, "exit code 1, and the answer's is 0"},
	} {
		t.Run(x.name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "listenq")
			if err := os.WriteFile(program, []byte("#!/bin/sh\n"+x.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			r := runner{program: program, time: 200 * time.Millisecond, memory: 64 << 20}
			r.check(filepath.Join("..", "..", "internal", "explain", "testdata", "field", "f10_one_syn.pcap")).expect(t, x.want)
		})
	}
}

// TestMemory: what a program had is measured.
func TestMemory(t *testing.T) {
	program := filepath.Join(t.TempDir(), "listenq")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 0.1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := runner{program: program, time: time.Minute, memory: 1 << 20}
	r.check(filepath.Join("..", "..", "internal", "explain", "testdata", "field", "f10_one_syn.pcap")).expect(t, "it took more than 1 MiB")
}

// TestSummary: files of all kinds are counted, and what is wrong is named.
func TestSummary(t *testing.T) {
	s := newSummary()
	good := &result{file: "good.pcap", packets: 3, took: 2 * time.Second, peak: 5 << 20, doc: &document{
		Packets: 3, Listeners: []listener{{Finding: "no-drop", Confidence: "likely"}},
		Connections: []connection{{reading: reading{Cause: "none"}, Confidence: "possible"}},
	}}
	bad := &result{file: "bad.pcap", took: time.Second, peak: 9 << 20, doc: &document{Packets: 4}}
	bad.fail("%d is wrong", 17)
	s.add(good)
	s.add(bad)
	s.add(&result{file: "x.txt", refused: "listenq: error: read x.txt: neither"})
	var b bytes.Buffer
	s.print(&b)
	for _, want := range []string{
		"3 files: 2 captures (0 damaged, 1 that the checker cannot read to the end), 1 others",
		"1  read …: neither", "7 packets, 1 connections", "2.00 s at most: good.pcap", "9 MiB at most: bad.pcap",
		"1 statements", "bad.pcap: 17 is wrong", "no-drop",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}

// TestEach: results come in the order of the files, and one can stop early.
func TestEach(t *testing.T) {
	var files []string
	for i := range 20 {
		files = append(files, fmt.Sprint(i))
	}
	slowFirst := func(file string) *result {
		if file == "0" {
			time.Sleep(20 * time.Millisecond)
		}
		return &result{file: file}
	}
	next := 0
	for r := range each(files, 4, slowFirst) {
		if r.file != files[next] {
			t.Errorf("%s comes where %s is due", r.file, files[next])
		}
		if next++; next == 15 {
			break
		}
	}
	if next != 15 {
		t.Errorf("%d results", next)
	}
}

// TestText: the text has to say what the JSON says.
func TestText(t *testing.T) {
	r := listenq(t)
	path := filepath.Join("..", "..", "internal", "explain", "testdata", "field", "real_nft_ack.pcap")
	doc, _ := field(t, "real_nft_ack")
	var runs [3]run
	for i, args := range [][]string{{"explain", "--json", "--all", path}, {"explain", "--all", path}, {"explain", path}} {
		got, err := r.run(args...)
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = got
	}
	res := &result{file: path}
	if checkText(res, doc, &runs[0], &runs[1], &runs[2]); len(res.broken) > 0 {
		t.Fatalf("before the change: %v", res.broken)
	}
	for _, x := range []struct{ old, words, want string }{
		{"undecided, seen", "undecided (likely), seen", "does not say: 127.0.0.1:8080"},
		{"4 had packets", "3 had packets", "does not say:   of 7"},
		{"4 half-open", "5 half-open", "does not say:   outcomes"},
		{"struck: ack (possible)", "struck: ack (likely)", "does not say:   half-open"},
		{"#33  final", "#34  final", "does not say:     #33"},
		{"; 3 more like", "; 4 more like", "the text counts 8 connections"},
		{"3 accepted, begun", "1 accepted, begun", "the text counts 5 connections"},
		{"Exit code 0", "Exit code 1", "does not end"},
	} {
		res := &result{file: path}
		all, brief := runs[1], runs[2]
		all.out, brief.out = strings.ReplaceAll(all.out, x.old, x.words), strings.ReplaceAll(brief.out, x.old, x.words)
		checkText(res, doc, &runs[0], &all, &brief)
		res.expect(t, x.want)
	}
}
