package hostile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// experiment runs a script of that user and returns how it went, and what the recording
// has of its commands' output.
func (u user) experiment(t *testing.T, dir, text string, args ...string) (result, string) {
	t.Helper()
	script := u.write(t, filepath.Join(dir, "hostile.lab"), text)
	out := filepath.Join(dir, "out")
	r := u.run(t, dir, append([]string{"lab", "run", script, "--out", out}, args...)...)
	said, err := os.ReadFile(filepath.Join(out, "hostile", "result.json"))
	if err != nil {
		t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	return r, string(said)
}

const quiet = "# Hostile.\nserver backlog 1 accept all\n"

// TestProgramStaysAsItIs holds that no process of an experiment leads to the program on
// the host, whose owner could make it setuid.
func TestProgramStaysAsItIs(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		mine := filepath.Join(dir, "listenq")
		program, err := os.ReadFile(listenq)
		check(t, err)
		check(t, os.WriteFile(mine, program, 0o755))
		check(t, os.Chown(mine, u.uid, u.uid))
		before, err := os.Stat(mine)
		check(t, err)
		script := u.write(t, filepath.Join(dir, "hostile.lab"), quiet+
			`exec may fail sh -c "for p in /proc/[0-9]*; do chmod 4777 $p/exe; touch -d 2001-01-01 $p/exe; done"`+"\n")
		if r := u.runProgram(t, mine, dir, "lab", "run", script, "--out", filepath.Join(dir, "out")); r.code != 0 {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		after, err := os.Stat(mine)
		check(t, err)
		if before.Mode() != after.Mode() || before.ModTime() != after.ModTime() {
			t.Errorf("the program was %v of %v and is %v of %v", before.Mode(), before.ModTime(), after.Mode(), after.ModTime())
		}
	})
}

// TestHomeIsHidden runs a script in a home folder: it sees what it names, and nothing
// that is hidden, whatever it names.
func TestHomeIsHidden(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		home := u.dir(t)
		const secret, public = "s3cr3t", "p0bl1c"
		for _, name := range []string{".ssh/id_rsa", ".env", "letters/one", "letter", "app.conf"} {
			text := secret
			if name == "app.conf" {
				text = public
			}
			check(t, os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700))
			u.write(t, filepath.Join(home, name), text)
		}
		check(t, os.Symlink(".ssh/id_rsa", filepath.Join(home, "link")))
		_, said := u.experiment(t, home, quiet+`
exec may fail cat app.conf .ssh/id_rsa .env link ./.ssh/../.ssh/id_rsa
exec may fail cat HOME/.ssh/id_rsa HOME/app.conf
exec may fail sh -c "cat * .* */* .ssh/* /proc/1/root/* HOME/* HOME/.ssh/* /home/*/* /root/* /proc/*/root/etc/shadow"
`)
		said = strings.ReplaceAll(said, home, "HOME")
		if strings.Contains(said, secret) {
			t.Errorf("a command has read a secret: %s", said)
		}
		if !strings.Contains(said, public) {
			t.Errorf("what the script names is not there: %s", said)
		}
	})
}

// TestScriptAmongTemporaryFiles runs a script in /tmp, whose other files are not its own.
func TestScriptAmongTemporaryFiles(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		other := filepath.Join("/tmp", filepath.Base(u.dir(t)))
		u.write(t, other, "s3cr3t")
		t.Cleanup(func() { check(t, os.Remove(other)) })
		script := u.write(t, filepath.Join("/tmp", filepath.Base(u.dir(t))+".lab"), quiet+`exec may fail sh -c "ls -d /tmp/listenq-host*; cat /tmp/listenq-host*[0-9] listenq-host*[0-9]"`+"\n")
		t.Cleanup(func() { check(t, os.Remove(script)) })
		out := filepath.Join(u.dir(t), "out")
		r := u.run(t, "/tmp", "lab", "run", "--json", script, "--out", out)
		if r.code != 0 || strings.Contains(r.stdout, "s3cr3t") || strings.Contains(r.stdout, filepath.Base(other)+"\\n") {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	})
}

// TestFilesAreRefused names what a script may not name.
func TestFilesAreRefused(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		for _, name := range []string{".", "..", "../x", ".ssh", "/etc/shadow", "/", "none", "/dev/zero", "link"} {
			dir := u.dir(t)
			check(t, os.Symlink("/etc/shadow", filepath.Join(dir, "link")))
			script := u.write(t, filepath.Join(dir, "hostile.lab"), "# x\nfiles "+name+"\n"+strings.TrimPrefix(quiet, "# Hostile.\n"))
			if r := u.run(t, dir, "lab", "run", script); r.code != 2 || !strings.Contains(r.stdout, name) {
				t.Errorf("files %s: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
			}
		}
	})
}

// TestRecordingIsBounded has a command send as fast as it can: the recording ends at its
// limit, and says so.
func TestRecordingIsBounded(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		dir := u.dir(t)
		const send = `import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.time() + 30
while time.time() < end: s.sendto(b'x' * 1400, ('192.0.2.2', 9))`
		r, said := u.experiment(t, dir, quiet+"exec may fail python3 -c \""+strings.ReplaceAll(send, "\n", `\n`)+"\"\n", "--limit", "10")
		if r.code != 2 || !strings.Contains(said, `"incomplete": true`) || !strings.Contains(r.stderr+r.stdout, "limit of 10 MiB") {
			t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
		}
		var size int64
		check(t, filepath.WalkDir(filepath.Join(dir, "out"), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
			}
			return err
		}))
		if size > 11<<20 {
			t.Errorf("the recording has %d MiB", size>>20)
		}
	})
}

// TestMemoryIsBounded has a command ask for more memory than a process may have.
func TestMemoryIsBounded(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		_, said := u.experiment(t, u.dir(t), quiet+
			`exec may fail python3 -c "import os\nprint(open('/proc/self/oom_score_adj').read())\nm = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')\ntry:\n  bytearray(m * 3 // 4)\n  print('has it')\nexcept MemoryError:\n  print('refused')"`+"\n")
		if !strings.Contains(said, `1000\n\nrefused\n`) {
			t.Errorf("the command said: %s", said)
		}
	})
}

// TestServersPipe tries to take over the descriptors of our server, by which it tells the
// runner what it accepted, while it starts and afterwards.
func TestServersPipe(t *testing.T) {
	asEach(t, func(t *testing.T, u user) {
		const spy = `import os, glob, time, ctypes
found = []
end = time.time() + 2
while time.time() < end and not found:
  for p in glob.glob('/proc/[0-9]*'):
    if b'lab-server' in open(p + '/cmdline', 'rb').read():
      for fd in ('3', '4', '5'):
        try: os.open(p + '/fd/' + fd, os.O_WRONLY); found.append(p)
        except OSError: pass
        try:
          process = os.pidfd_open(int(p[6:]))
          if ctypes.CDLL(None).syscall(438, process, int(fd), 0) >= 0: found.append('pidfd')
          os.close(process)
        except OSError: pass
      try: open(p + '/mem', 'r+b'); found.append('mem')
      except OSError: pass
print('found', found)`
		_, said := u.experiment(t, u.dir(t), "# Hostile.\nserver as first port 1000 exec python3 -c \""+
			strings.ReplaceAll("import socket, os\nl = socket.create_server(('', 1000))\nif not os.fork():\n"+indented(spy)+"\n  l.accept()[0].send(repr(found).encode())\nelse: os.wait()", "\n", `\n`)+"\"\n"+
			"server as second port 1001 backlog 1 accept all\n"+
			"exec may fail sh -c \"sleep 2.2; nc -w 1 192.0.2.2 1000\"\n")
		if !strings.Contains(said, `"output": "[]"`) {
			t.Errorf("the command said: %s", said)
		}
	})
}

func indented(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }
