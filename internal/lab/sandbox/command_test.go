package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "server"), nil, 0o755))
	check(t, os.WriteFile(filepath.Join(dir, "text"), nil, 0o644))
	folders := strings.Split(searchPath, ":")
	for _, test := range []struct {
		name     string
		dir      string
		command  string
		want     string
		searched []string
		err      string
	}{
		{name: "in the search path", command: "mount", want: "/usr/bin/mount"},
		{name: "absolute", command: "/usr/bin/env", want: "/usr/bin/env"},
		{name: "this program", command: Self, want: Self},
		{name: "relative", dir: dir, command: "./server", want: filepath.Join(dir, "server")},
		{name: "relative, no folder", command: "./server"},
		{name: "relative, not there", dir: dir, command: "bin/server", searched: []string{filepath.Join(dir, "bin/server")}},
		{name: "no slash, in the folder only", dir: dir, command: "server", searched: folders},
		{name: "not executable", dir: dir, command: "./text", err: "command ./text is not executable: chmod +x"},
		{name: "a folder", command: "/usr", searched: []string{"/usr"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := &Inside{shown: shown{dir: test.dir}}
			got, err := in.Find(test.command)
			if test.want != "" {
				if got != test.want || err != nil {
					t.Errorf("find = %q, %v, want %q", got, err, test.want)
				}
				return
			}
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("find = %q, %v, want %s", got, err, test.err)
				}
				return
			}
			var notFound *CommandNotFound
			if !errors.As(err, &notFound) {
				t.Fatalf("find = %q, %v, want CommandNotFound", got, err)
			}
			if diff := cmp.Diff(&CommandNotFound{test.command, test.searched}, notFound); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCommand looks at what a command finds when it starts.
func TestCommand(t *testing.T) {
	needRoot(t)
	var descriptors, processes unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors))
	check(t, unix.Getrlimit(unix.RLIMIT_NPROC, &processes))
	dir := openDir(t)
	check(t, os.WriteFile(filepath.Join(dir, "app.sh"), []byte("#!/bin/sh\necho app $1\n"), 0o755))
	for _, u := range users {
		for _, test := range []struct {
			name, script, want string
		}{
			{"environment", "env | grep -v -e ^GORACE= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sed 's:=/run/listenq/.*:=WORK:' | sort",
				"HOME=WORK\nLANG=C.UTF-8\nPATH=" + searchPath + "\nPWD=WORK\nTMPDIR=WORK\n"},
			{"files of the folder", "cat app.sh; ./app.sh 1", "#!/bin/sh\necho app $1\napp 1\n"},
			{"folder at its own path", dir + "/app.sh 2", "app 2\n"},
			{"writable places", "touch new /tmp/new /run/new /var/tmp/new /var/log/new /dev/shm/new && echo ok", "ok\n"},
			{"nothing else is writable", "for d in / /usr /etc /dev /proc; do touch $d/new 2>/dev/null && echo $d; done; echo end", "end\n"},
			{"root directory", "ls -d /home /root /sys /boot /mnt /media 2>/dev/null; ls -d /usr /etc /tmp /run /var /dev /proc | tr '\\n' ' '",
				"/dev /etc /proc /run /tmp /usr /var "},
			{"devices", "ls -I shm /dev | tr '\\n' ' '; echo x > /dev/null && head -c 1 /dev/zero | wc -c",
				"fd full null random stderr stdin stdout tty urandom zero 1\n"},
			{"processes", "set -- /proc/[0-9]*; echo $#; tr '\\0' ' ' < /proc/1/cmdline", "2\nlistenq sandbox-drop "},
			{"session of its own", "[ $(ps -o sid= -p $$) = $$ ] && echo ok", "ok\n"},
			{"descriptors", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "},
			{"limits", "ulimit -c; ulimit -n; ulimit -u", fmt.Sprintf("0\n%d\n%d\n", min(descriptors.Max, 65536), min(processes.Max, 4096))},
			{"umask and host name", "umask; cat /proc/sys/kernel/hostname", "0022\nlistenq\n"},
			{"daemon", "setsid sleep 100 & echo ok", "ok\n"},
			{"debris", "find /tmp /run /var/lib /var/log -type f", ""},
		} {
			t.Run(u.name+" "+test.name, func(t *testing.T) {
				got, err := u.run("host", dir, "command", "bash", "-c", test.script)
				check(t, err)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("output (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestPrivateFolder shows files of a folder that strangers may not enter: they are copies.
func TestPrivateFolder(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	check(t, os.WriteFile(filepath.Join(dir, "text"), []byte("it\n"), 0o600))
	check(t, os.Chmod(dir, 0o700))
	got, err := users[0].run("host", dir, "command", "cat", "text")
	check(t, err)
	if got != "it\n" {
		t.Errorf("output is %q", got)
	}
}

// TestPlaceOfCopies shows files whose folder is one of the sandbox's own, or one that it
// shows anyway.
func TestPlaceOfCopies(t *testing.T) {
	needRoot(t)
	below, err := os.MkdirTemp("/usr/local/share", "sandbox-test-")
	check(t, err)
	defer os.RemoveAll(below)
	check(t, os.Chmod(below, 0o755))
	for _, test := range []struct{ name, dir, script, want string }{
		{"/tmp", "/tmp", "cat FILE; cat /tmp/FILE || touch /tmp/x && echo own", "it\nown\n"},
		{"in a system folder", below, "cat FILE; ls DIR; touch DIR/x || echo read-only", "it\nFILE\nread-only\n"},
		{"in its own place", openDir(t), "cat FILE DIR/FILE; touch DIR/x || echo read-only", "it\nit\nread-only\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := os.CreateTemp(test.dir, "sandbox-test-")
			check(t, err)
			defer os.Remove(f.Name())
			_, err = f.WriteString("it\n")
			check(t, errors.Join(err, f.Chmod(0o644), f.Close()))
			name := strings.NewReplacer("FILE", filepath.Base(f.Name()), "DIR", test.dir)
			got, err := users[0].run("host-of", test.dir, filepath.Base(f.Name()), "command", "bash", "-c", name.Replace(test.script))
			check(t, err)
			if diff := cmp.Diff(name.Replace(test.want), got); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExitCode passes on how a command ended.
func TestExitCode(t *testing.T) {
	needRoot(t)
	for _, test := range []struct {
		name, script, want string
	}{
		{"code", "exit 7", "exit status 7"},
		{"not executable", "exec /run/none", "exit status 127"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := users[0].run("host", "", "command", "bash", "-c", test.script)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

// TestSeveralCommands runs commands that attack or depend on the process that
// they share their PID namespace with.
func TestSeveralCommands(t *testing.T) {
	needRoot(t)
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			got, err := u.run("host", "", "commands")
			check(t, err)
			if got != "alive\n" {
				t.Errorf("output is %q", got)
			}
		})
	}
}

// commandsRole sends every signal to the commands' init, leaves an orphan to
// it, sees that it reaps it, and runs another command.
func commandsRole(in *Inside, out *os.File) error {
	attack := `for s in $(seq 1 64); do kill -$s 1 2>/dev/null; done; kill -KILL 1 2>/dev/null; true`
	if err := runCommand(in, out, []string{"bash", "-c", attack}); err != nil {
		return err
	}
	if err := runCommand(in, out, []string{"bash", "-c", "(sleep 0.01 &)"}); err != nil {
		return err
	}
	for deadline := time.Now().Add(5 * time.Second); orphans(in) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d orphans are left", orphans(in))
		}
	}
	return runCommand(in, out, []string{"echo", "alive"})
}

// orphans counts the processes other than us and the commands' init.
func orphans(in *Inside) int {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	return len(paths) - 2
}

// TestDropAlone runs Drop where it was not meant to be.
func TestDropAlone(t *testing.T) {
	for _, args := range [][]string{{"1"}, {"x", "1", "/bin/true", "true"}, {"1", "x", "/bin/true", "true"}, {"1", "1", "/bin/true", "true"}} {
		if err := Drop(args); err == nil {
			t.Errorf("Drop(%q) succeeds", args)
		}
	}
}

// TestEnterAlone enters a sandbox that is none.
func TestEnterAlone(t *testing.T) {
	t.Setenv(socketEnv, "3")
	if _, err := Enter(); err == nil {
		t.Error("Enter succeeds")
	}
}

// TestPrivilegesOfRunner shows which of root's rights are left where there is no
// user namespace.
func TestPrivilegesOfRunner(t *testing.T) {
	needRoot(t)
	for _, test := range []struct {
		name       string
		capability string
		want       bool
	}{
		{"set up", fmt.Sprint(unix.CAP_SYS_ADMIN), true},
		{"load modules", fmt.Sprint(unix.CAP_SYS_MODULE), false},
		{"set the clock", fmt.Sprint(unix.CAP_SYS_TIME), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if why := users[0].can(t, outside, "", "have right", test.capability); why != "" {
				t.Fatalf("counter-proof: cannot: %s", why)
			}
			why := users[1].can(t, asRunner, "", "have right", test.capability)
			if (why == "") != test.want {
				t.Errorf("runner has it is %t, want %t (%s)", why == "", test.want, why)
			}
		})
	}
}
