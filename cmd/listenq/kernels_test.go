package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"listenq/internal/answer"
)

// oldestKernel is the folder of the oldest kernel that test/kernels has fetched.
func oldestKernel(t *testing.T) string {
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
	return folder
}

// staticProgram builds listenq, as the test itself may need libraries.
func staticProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "listenq")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestOldKernel runs on an old kernel what is hard there: programs of this machine,
// whose files come from outside while the guest's clock must not run away; a setting
// that is hidden in user namespaces; and what the kernel does not have.
func TestOldKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a guest")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("needs qemu-system-x86_64")
	}
	folder, dir := oldestKernel(t), t.TempDir()
	args := []string{"lab", "run", "--json", "--kernel", folder, "--out", dir}
	for _, s := range []struct{ name, text string }{
		{"programs", "server backlog 1 accept never\nconnect c\nobserve ss nstat\nexec as out sha256sum programs.lab\nexpect out.exit == 0 and observed.differences == 0\n"},
		{"hidden", "sysctl net.core.somaxconn 3\nserver backlog 5 accept never\nexpect listener.limit == 3\n"},
		{"lacking", "require has_mptcp\nserver mptcp backlog 1 accept never\n"},
	} {
		path := filepath.Join(dir, s.name+".lab")
		if err := os.WriteFile(path, []byte(s.text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	args = append(args, filepath.Join(dir, "hidden.lab")) // a second time: it has a recording of its own
	cmd := exec.Command(staticProgram(t), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil { // what is skipped is no failure
		t.Errorf("%v: %s", err, stderr.String())
	}
	var got struct {
		Runs []answer.Run
	}
	if err := json.Unmarshal(out, &got); err != nil || len(got.Runs) != 4 {
		t.Fatalf("%v: %d runs, want 4\n%s", err, len(got.Runs), out)
	}
	for _, r := range got.Runs[:2] {
		// When the clock jumped while files were awaited, starting ss took seconds.
		if took := r.Duration.Duration(); !r.Pass || took > 2*time.Second || len(r.Missing) > 0 {
			t.Errorf("%s: pass %t, error %q, after %v of the guest's time: %+v, missing %+v", r.Scenario, r.Pass, r.Error, took, r.Expectations, r.Missing)
		}
	}
	if again := got.Runs[3]; !again.Pass || again.Recording == got.Runs[1].Recording {
		t.Errorf("the second time: pass %t, error %q, recording %s", again.Pass, again.Error, again.Recording)
	}
	if r := got.Runs[2]; r.Pass || r.Error != "" || !strings.HasPrefix(r.Skipped, "it requires has_mptcp, which is false here") || r.Recording != "" {
		t.Errorf("without MPTCP: pass %t, error %q, skipped %q, recording %q", r.Pass, r.Error, r.Skipped, r.Recording)
	}
}
