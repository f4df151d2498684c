package hostile

import (
	"path/filepath"
	"testing"
)

// TestHarmless holds that what the attacks are run with works: a plain experiment
// passes for each user.
func TestHarmless(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		script := u.write(t, filepath.Join(dir, "plain.lab"), "# Plain.\nserver backlog 1 accept all\nconnect 1 as a\nexpect a1.outcome == \"accepted\"\n")
		if r := u.run(t, dir, "lab", "run", script, "--out", filepath.Join(dir, "out")); r.code != 0 {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
}
