package lab_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"listenq/internal/lab"
	"listenq/internal/lab/script"
	"listenq/internal/vm"
)

// oldestKernel opens the oldest kernel that test/kernels has fetched.
func oldestKernel(t *testing.T) *vm.Kernel {
	t.Helper()
	cache := os.Getenv("LISTENQ_KERNELS")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(dir, "listenq", "kernels")
	}
	folder := filepath.Join(cache, "bullseye")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("needs Debian's kernel 5.10: make kernels")
	}
	k, err := vm.Open(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRunOn runs on an old kernel what is hard there: programs of this machine, whose
// files come from outside while the guest's clock must not run away; a setting that
// is hidden in user namespaces; and what the kernel does not have.
func TestRunOn(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a guest")
	}
	if vm.Emulated() {
		t.Skip("a guest has no guests")
	}
	k := oldestKernel(t)
	scripts := []*script.Script{
		parse(t, "programs", "server backlog 1 accept never\nconnect c\nobserve ss nstat\nexec as out sha256sum /etc/passwd\nexpect out.exit == 0 and observed.differences == 0\n"),
		parse(t, "hidden", "sysctl net.core.somaxconn 3\nserver backlog 5 accept never\nexpect listener.limit == 3\n"),
		parse(t, "lacking", "require has_mptcp\nserver mptcp backlog 1 accept never\n"),
	}
	program := staticProgram(t)
	got, err := lab.RunOn(t.Context(), k, scripts, lab.GuestOptions{Out: t.TempDir(), Program: program})
	if _, missing := errors.AsType[*vm.Unavailable](err); missing {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got.Runs[:2] {
		check(t, r)
		// When the clock jumped while files were awaited, starting ss took seconds.
		if took := r.Duration.Duration(); took > 2*time.Second {
			t.Errorf("%s took %v of the guest's time", r.Scenario, took)
		}
	}
	if r := got.Runs[2]; r.Pass || r.Error != "" || !strings.HasPrefix(r.Skipped, "it requires has_mptcp, which is false") || r.Recording != "" {
		t.Errorf("without MPTCP: pass %t, error %q, skipped %q, recording %q", r.Pass, r.Error, r.Skipped, r.Recording)
	}
	if len(got.Kernel.Missing) > 0 {
		t.Errorf("missing: %+v", got.Kernel.Missing)
	}
}

// staticProgram builds listenq, as the test itself may need libraries.
func staticProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "listenq")
	cmd := exec.Command("go", "build", "-o", path, "listenq/cmd/listenq")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}
