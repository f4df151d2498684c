package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"path/filepath"

	"listenq/internal/vm"
)

// tests are some of a package's tests.
type tests struct {
	Package string
	Run     string // as of go test
	Skip    string // as of go test
	Whole   bool   // the long ones, too: waiting is free where a clock is emulated
	Binary  string // compiled
}

// standard are the tests that need a kernel. Left out is what emulation takes long
// for and what depends little on the kernel: programs in the lab, searches of many
// runs, some of what commands find in a sandbox; and all experiments but a few that
// go different ways on different kernels: listenq lab run --all --kernel runs them all.
var standard = []tests{
	{Package: "./internal/kernel"},
	{Package: "./internal/kernel/taskfile"},
	{Package: "./internal/kernel/attach"},
	{Package: "./internal/lab/sandbox", Skip: "^TestCommand$/(environment|files_of|folder_at|root_directory|session|descriptors|umask|daemon|debris)|^TestIsolation$/./(look_at|see|find|connect_to|be_root|write_to_FIFO|signal|hold|keep|read_a|call|open_socket)|^TestLocksAreOwn$|^TestDeathAnyTime$|^Test(Command|Isolation|SeveralCommands|HostUnchanged)$/^root_(without|that)"},
	{Package: "./internal/lab/wire"},
	{Package: "./internal/lab/settings"},
	{Package: "./internal/lab/facts"},
	{Package: "./internal/lab/inside"},
	{Package: "./internal/lab", Skip: "^Test(Scenarios|Reference.*|Programs|LeftBehind|Recording|TsharkCountsTheSame|Burst.*)$"},
	{Package: "./internal/lab", Whole: true, Run: "^TestScenarios$/^(a4-abort-on|b3-cookies-ignore-abort|d2-fewer-retries|d6-young-requests|e3-kernels-differ|x1-phantom-late|x3-migrate|x10-fast-open)$"},
}

// chosen are the tests of those packages that match, or the standard ones.
func chosen(packages []string, run string) (all []tests) {
	if len(packages) == 0 && run == "" {
		return standard
	}
	for _, t := range standard {
		if len(packages) == 0 && t.Run == "" {
			all = append(all, tests{Package: t.Package, Run: run})
		}
	}
	for _, p := range packages {
		all = append(all, tests{Package: p, Run: run})
	}
	return all
}

// jobVariable is what a guest is to run, as JSON.
const jobVariable = "LISTENQ_GUEST_TESTS"

func job(all []tests) string {
	text, err := json.Marshal(all)
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}

// treePath is where a guest has the files that tests read, as they are in the tree.
const treePath = "/tests"

// programPath is where a guest has the compiled tests number i.
func programPath(i int) string { return fmt.Sprintf("%s/%d.test", treePath, i) }

// filesFor are the files for a guest, which sees none of the host's but programs and
// libraries: the compiled tests, the testdata beside them, and a document that is held true.
func filesFor(all []tests) ([]vm.File, error) {
	const document = "docs/reference/lab.md"
	files := []vm.File{{Path: filepath.Join(treePath, document), Mode: 0o644, Host: document}}
	for i, t := range all {
		files = append(files, vm.File{Path: programPath(i), Mode: 0o755, Host: t.Binary}, vm.File{Path: filepath.Join(treePath, t.Package), Mode: fs.ModeDir})
		err := filepath.WalkDir(filepath.Join(t.Package, "testdata"), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				files = append(files, vm.File{Path: filepath.Join(treePath, path), Mode: 0o644, Host: path})
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return files, nil
}
