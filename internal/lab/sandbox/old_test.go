package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOldKernel runs commands without the system calls that Linux 3.10 does not have:
// there are two filters at least, ours and the one that takes them away.
func TestOldKernel(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	check(t, os.WriteFile(filepath.Join(dir, "app.sh"), []byte("echo app\n"), 0o755))
	script := `sh app.sh; touch /usr/new 2>/dev/null && echo /usr; grep -e ^Cap -e ^NoNewPrivs /proc/self/status | cut -f2 | uniq; awk '/^Seccomp_filters/ { print ($2 > 1) }' /proc/self/status`
	const want = "app\n0000000000000000\n1\n1\n"
	for _, u := range []user{
		{name: "root", before: []string{"old-kernel"}},
		{name: "root without user namespaces", before: []string{"no-clone", "old-kernel"}},
		{name: "ordinary user", uid: ordinaryUID, before: []string{"old-kernel"}},
	} {
		t.Run(u.name, func(t *testing.T) {
			got, err := u.run("host", dir, "command", "bash", "-c", script)
			check(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}
