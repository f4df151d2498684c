// Command guests runs Go tests on other kernels: it compiles the tests of the
// packages that talk to the kernel, runs them in a guest for each kernel that
// test/kernels has fetched, and prints what go test -json would, with the
// kernel's release in the package's name.
//
//	CGO_ENABLED=0 go run ./test/guests [-run REGEXP] [-kernels FOLDER] [PACKAGE…]
//
// What it is killed by leaves nothing behind, but for SIGKILL.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"listenq/internal/vm"
)

// suites are the folders of test/kernels.
var suites = []string{"bullseye", "bullseye-5.10.223", "bookworm", "trixie", "sid"}

// limit is for all tests on one kernel, however busy this machine is.
const limit = 12 * time.Minute

// memory is what a guest has, in MiB, with 100 for its files.
const memory = 768

func main() {
	log.SetFlags(0)
	log.SetPrefix("test/guests: ")
	vm.Reexec(os.Args[1:])
	if len(os.Args) > 1 && os.Args[1] == insideArg {
		os.Exit(inside())
	}
	kernels := flag.String("kernels", kernelsFolder(), "folder with a folder of packages for each suite")
	run := flag.String("run", "", "only tests that match, also such as are left out otherwise")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // who reads may end first, and there is a folder to remove
	if err := guests(ctx, *kernels, chosen(flag.Args(), *run)); err != nil {
		log.Fatal(err)
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

// guests runs the tests on all kernels. The error says how many failed.
func guests(ctx context.Context, kernels string, all []tests) error {
	folder, err := os.MkdirTemp("", "listenq-guests-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := compile(ctx, folder, all); err != nil {
		return err
	}
	failed := make([]bool, len(suites))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i, suite := range suites {
		group.Go(func() error {
			failed[i] = !onKernel(ctx, suite, filepath.Join(kernels, suite), all)
			return nil
		})
	}
	group.Wait()
	var names []string
	for i, suite := range suites {
		if failed[i] {
			names = append(names, suite)
		}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if len(names) > 0 {
		return fmt.Errorf("failed on the kernels of %v", names)
	}
	return nil
}

// compile makes a program of the tests of each package.
func compile(ctx context.Context, folder string, all []tests) error {
	for i := range all {
		t := &all[i]
		t.Binary = filepath.Join(folder, fmt.Sprintf("%d.test", i))
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", t.Binary, t.Package)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes its own files
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compile the tests of %s: %w\n%s", t.Package, err, text)
		}
		if _, err := os.Stat(t.Binary); err != nil {
			return fmt.Errorf("%s has no tests", t.Package)
		}
	}
	return nil
}

// onKernel runs the tests in a guest with a suite's kernel and reports whether
// they passed. A kernel that cannot run here is a skipped test of that name.
func onKernel(ctx context.Context, suite, folder string, all []tests) bool {
	if ctx.Err() != nil {
		return false
	}
	kernel, err := vm.Open(ctx, folder, "")
	if err != nil {
		emit(suite, "skip", kernelTest, fmt.Sprintf("NOT RUN: %v (make kernels fetches it)", err))
		return true
	}
	files, err := filesFor(all)
	if err != nil {
		emit(suite, "fail", kernelTest, err.Error())
		return false
	}
	out := newConverter(kernel.Release, all)
	guest := vm.Guest{
		Kernel: kernel, Args: []string{vm.Self, insideArg}, Env: []string{jobVariable + "=" + job(all)}, Files: files,
		Memory: memory, Limit: limit, Stdout: out, Stderr: os.Stderr,
	}
	code, err := guest.Run(ctx)
	if missing, ok := errors.AsType[*vm.Unavailable](err); ok {
		emit(suite, "skip", kernelTest, fmt.Sprintf("NOT RUN: %v (%s)", missing, missing.Hint))
		return true
	}
	err = out.end(err)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil {
		emit("listenq on "+kernel.Release, "fail", "", err.Error())
	}
	return err == nil && code == 0
}
