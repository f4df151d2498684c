// Command guests runs Go tests on other kernels: it compiles the tests of the
// packages that talk to the kernel, runs them in a guest for each kernel that
// test/kernels has fetched, and prints what go test -json would, with the
// kernel's release in the package's name.
//
//	go run ./test/guests [-run REGEXP] [-kernels FOLDER] [PACKAGE…]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"listenq/internal/vm"
)

// packages are those whose tests need a kernel.
var packages = []string{"./internal/kernel", "./internal/kernel/taskfile", "./internal/kernel/attach", "./internal/lab/sandbox", "./internal/lab/wire", "./internal/lab/server", "./internal/lab/client", "./internal/lab"}

// suites are the folders of test/kernels.
var suites = []string{"bullseye", "bookworm", "trixie", "sid"}

// limit is for all packages on one kernel.
const limit = 12 * time.Minute

func main() {
	log.SetFlags(0)
	log.SetPrefix("test/guests: ")
	if len(os.Args) > 1 && os.Args[1] == vm.InitArg {
		vm.Init()
	}
	if len(os.Args) > 1 && os.Args[1] == insideArg {
		os.Exit(inside(os.Args[2:]))
	}
	kernels := flag.String("kernels", kernelsFolder(), "folder with a folder of packages for each suite")
	run := flag.String("run", "", "only tests that match")
	flag.Parse()
	if flag.NArg() > 0 {
		packages = flag.Args()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if !guests(ctx, *kernels, *run) {
		os.Exit(1)
	}
}

// kernelsFolder is where test/kernels puts what it fetches.
func kernelsFolder() string {
	if folder := os.Getenv("LISTENQ_KERNELS"); folder != "" {
		return folder
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(cache, "listenq", "kernels")
}

// guests runs the tests on all kernels, and tells whether all that ran passed.
func guests(ctx context.Context, kernels, run string) bool {
	folder, err := os.MkdirTemp("", "listenq-guests-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	tests, err := compile(folder)
	if err != nil {
		log.Print(err)
		return false
	}
	var all errgroup.Group
	all.SetLimit(runtime.NumCPU())
	for _, suite := range suites {
		all.Go(func() error { return onKernel(ctx, suite, filepath.Join(kernels, suite), tests, run) })
	}
	return all.Wait() == nil
}

// test is a compiled test, with where it runs.
type test struct{ pkg, binary, dir string }

func compile(folder string) ([]test, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var tests []test
	for _, pkg := range packages {
		t := test{filepath.Join("listenq", pkg), filepath.Join(folder, filepath.Base(pkg)+".test"), filepath.Join(root, pkg)}
		if text, err := exec.Command("go", "test", "-c", "-o", t.binary, pkg).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile the tests of %s: %w\n%s", pkg, err, text)
		}
		if _, err := os.Stat(t.binary); err == nil { // a package may have no tests
			tests = append(tests, t)
		}
	}
	return tests, nil
}

// onKernel runs the tests in a guest with a suite's kernel. A kernel that is not
// there is a skipped test of that name.
func onKernel(ctx context.Context, suite, folder string, tests []test, run string) error {
	kernel, err := vm.Open(folder, "")
	if err != nil {
		tell(suite, "skip", "kernel", fmt.Sprintf("NOT RUN on Debian's %s: %v (make kernels fetches it)", suite, err))
		return nil
	}
	args := []string{vm.Self, insideArg, run}
	for _, t := range tests {
		args = append(args, t.binary, t.dir)
	}
	out := newDemultiplexer(kernel.Release, tests)
	guest := vm.Guest{Kernel: kernel, Args: args, Memory: 512, Limit: limit, Stdout: out, Stderr: os.Stderr}
	code, err := guest.Run(ctx)
	out.close()
	if err != nil {
		tell("listenq on "+kernel.Release, "fail", "", err.Error())
		return err
	}
	if code != 0 {
		return fmt.Errorf("tests failed on Linux %s", kernel.Release)
	}
	return nil
}

