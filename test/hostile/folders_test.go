package hostile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	plainScript = "# Plain.\nserver backlog 1 accept all\nconnect 1 as a\nexpect a1.outcome == \"accepted\"\n"
	slowScript  = "# Slow.\n# Takes: 3s\nserver backlog 1 accept all\nconnect 1 as a\nwait 2s\n"
)

// mallory is another user than those who run listenq.
var mallory = user{"mallory", 54323}

// secret is a folder that only its owner may change, with what would be overwritten.
func (u user) secret(t *testing.T) string {
	dir := u.dir(t)
	for _, name := range []string{"meta.json", "result.json", "packets.pcapng", "events.jsonl", "scenario.lab", "out"} {
		u.write(t, filepath.Join(dir, name), "precious")
	}
	return dir
}

// untouched fails if something in a secret folder is not what it was.
func untouched(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	if len(entries) != 6 {
		t.Errorf("%d files are where 6 were", len(entries))
	}
	for _, e := range entries {
		if text, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || string(text) != "precious" {
			t.Errorf("%s holds %.40q, %v", e.Name(), text, err)
		}
	}
}

// link makes a link of a user.
func (u user) link(t *testing.T, target, path string) {
	t.Helper()
	check(t, os.Symlink(target, path))
	check(t, os.Lchown(path, u.uid, u.uid))
}

// TestLinksOfOthers names a place in a folder of another user, who has put a link there.
func TestLinksOfOthers(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		secret, theirs, home := u.secret(t), mallory.dir(t), u.dir(t)
		check(t, os.Chmod(theirs, 0o777|fs.ModeSticky))
		mallory.link(t, secret, filepath.Join(theirs, "rec"))
		mallory.link(t, filepath.Join(secret, "out"), filepath.Join(theirs, "out"))
		mallory.link(t, filepath.Join(secret, "new"), filepath.Join(theirs, "new"))
		script := u.write(t, filepath.Join(home, "plain.lab"), plainScript)
		r := u.run(t, home, "lab", "run", script, "--out", filepath.Join(home, "rec"))
		if r.code != 0 {
			t.Fatalf("a plain run: %s", r.stderr)
		}
		capture := filepath.Join(home, "rec", "plain", "packets.pcapng")
		for _, args := range [][]string{
			{"lab", "run", script, "--out", filepath.Join(theirs, "rec")},
			{"lab", "run", script, "--out", filepath.Join(theirs, "rec", "deeper")},
			{"explain", capture, "--annotate", filepath.Join(theirs, "out")},
			{"explain", capture, "--annotate", filepath.Join(theirs, "new")},
			{"explain", capture, "--annotate", filepath.Join(theirs, "rec", "out")},
			{"check", "--json", filepath.Join(theirs, "out"), "--", "true"},
			{"check", "--json", filepath.Join(theirs, "rec", "new"), "--", "true"},
		} {
			r := u.run(t, home, args...)
			if r.code != 2 && r.code != 125 || !strings.Contains(r.stdout+r.stderr, "a link of another user is not followed") {
				t.Errorf("%q: exit code %d\n%s", args, r.code, r.stderr)
			}
		}
		untouched(t, secret)
	})
}

// TestExchangedFolder puts a link in the place of a recording's folder while the
// experiment runs, whose parent is another user's.
func TestExchangedFolder(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		secret, theirs, home := u.secret(t), mallory.dir(t), u.dir(t)
		check(t, os.Chmod(theirs, 0o777)) // so that both can write there, and rename
		script := u.write(t, filepath.Join(home, "slow.lab"), slowScript)
		folder := filepath.Join(theirs, "slow")
		exchanged := make(chan error, 1)
		go func() {
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if info, err := os.Stat(filepath.Join(folder, "packets.pcapng")); err == nil && info.Size() > 0 {
					exchanged <- errors.Join(os.Rename(folder, folder+"-away"), os.Symlink(secret, folder), os.Lchown(folder, mallory.uid, mallory.uid))
					return
				}
			}
			exchanged <- errors.New("no recording was begun")
		}()
		r := u.run(t, home, "lab", "run", script, "--out", theirs)
		check(t, <-exchanged)
		untouched(t, secret)
		if text, err := os.ReadFile(filepath.Join(folder+"-away", "result.json")); err != nil || !strings.Contains(string(text), `"slow"`) {
			t.Errorf("the result is not with the recording: %v\n%s", err, r.stderr)
		}
	})
}

// temporary is the folder of a recording among the temporary files.
var temporary = regexp.MustCompile(`recordings?: (?:in )?(/tmp/listenq-[^/\s]+)`)

// TestRecordingsArePrivate: others cannot read what was recorded, wherever it lies.
func TestRecordingsArePrivate(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		home := u.dir(t)
		tops := []string{filepath.Join(home, "out"), filepath.Join(home, "kernels")}
		script := u.write(t, filepath.Join(home, "plain.lab"), plainScript)
		for _, args := range [][]string{
			{"lab", "run", script, "--out", filepath.Join(home, "out")},
			{"lab", "run", script, "--kernel", "host", "--out", filepath.Join(home, "kernels")},
			{"lab", "run", script},
			{"lab", "run", script, "--kernel", "host"},
		} {
			r := u.run(t, home, args...)
			if r.code != 0 {
				t.Errorf("%q: exit code %d\n%s", args, r.code, r.stderr)
			}
			if told := temporary.FindStringSubmatch(r.stdout); told != nil {
				tops = append(tops, told[1])
				defer os.RemoveAll(told[1])
			}
		}
		capture := filepath.Join(home, "out", "plain", "packets.pcapng")
		u.run(t, home, "explain", capture, "--annotate", filepath.Join(home, "out", "annotated"))
		files := 0
		for _, top := range tops {
			check(t, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err != nil {
					return err
				}
				info, err := d.Info()
				if err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s is %v", path, info.Mode())
				}
				files++
				return err
			}))
		}
		if len(tops) != 4 || files < 24 {
			t.Errorf("%d files were looked at, in %q", files, tops)
		}
	})
}
