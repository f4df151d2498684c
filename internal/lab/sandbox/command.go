package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Self is the name of this program for Command.
const Self = "/proc/self/exe"

// CommandNotFound is the error for a command that is neither in the search path
// nor, if its name has a slash, among the copies.
type CommandNotFound struct {
	Name     string
	Searched []string // folders or, for a name with a slash, the one file; none if there are no copies
}

func (e *CommandNotFound) Error() string {
	if len(e.Searched) == 0 {
		return fmt.Sprintf("command %s not found: no file of that name was given", e.Name)
	}
	return fmt.Sprintf("command %s not found in %s", e.Name, strings.Join(e.Searched, ", "))
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// lastOutput is how long Wait takes output of processes that a command has left
// behind: one that went into a session of its own may hold the pipe for ever.
const lastOutput = time.Second

// Command prepares a command without any rights, to be started by Start. A name
// without a slash is looked up in the system's folders, a relative one among the
// copies (Spec.Copies); Self is this program. The files are its descriptors 3 and up.
// It gets a clean environment, a session of its own, and an empty working
// directory with symbolic links to the copies. The caller may
// set Stdin, Stdout and Stderr, and add to Env.
//
// Its exit code is 126 if it could be found but not executed.
func (in *Inside) Command(argv []string, files ...*os.File) (*exec.Cmd, error) {
	if len(argv) == 0 {
		return nil, errors.New("prepare command: no name")
	}
	path, err := in.Find(argv[0])
	if err != nil {
		return nil, err
	}
	dir, err := in.workDir()
	if err != nil {
		return nil, fmt.Errorf("make working directory: %w", err)
	}
	rules := 0
	if in.rules != nil {
		files = append(files[:len(files):len(files)], in.rules)
		rules = 2 + len(files)
	}
	drop := []string{"listenq", DropArg, strconv.Itoa(in.who.Uid), strconv.Itoa(in.who.Gid), strconv.Itoa(rules), path}
	return &exec.Cmd{
		Path:        Self,
		Args:        append(drop, argv...),
		Env:         []string{"PATH=" + searchPath, "HOME=" + dir, "TMPDIR=" + dir, "PWD=" + dir, "LANG=C.UTF-8"},
		Dir:         dir,
		ExtraFiles:  files,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
		WaitDelay:   lastOutput,
	}, nil
}

// Find returns the path of a command, as Command looks it up; *CommandNotFound if there is
// none.
func (in *Inside) Find(name string) (string, error) {
	if name == Self {
		return name, nil
	}
	var candidates, searched []string
	switch {
	case filepath.IsAbs(name):
		candidates = []string{name}
	case !strings.Contains(name, "/"):
		searched = strings.Split(searchPath, ":")
		for _, folder := range searched {
			candidates = append(candidates, filepath.Join(folder, name))
		}
	case in.shown.dir != "":
		candidates = []string{filepath.Join(in.shown.dir, name)}
	}
	for _, path := range candidates {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("find command %s: %w", name, err)
		}
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if info.Mode()&0o111 != 0 {
			return path, nil
		}
		if searched == nil { // it is the one that is meant
			return "", fmt.Errorf("command %s is not executable: chmod +x", name)
		}
	}
	if searched == nil {
		searched = candidates
	}
	return "", &CommandNotFound{name, searched}
}

// workDir makes the working directory of one command.
func (in *Inside) workDir() (string, error) {
	dir, err := os.MkdirTemp(workFolder, "")
	if err != nil {
		return "", err
	}
	for _, name := range in.shown.names {
		if err := os.Symlink(filepath.Join(in.shown.dir, name), filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, os.Chown(dir, in.who.Uid, in.who.Gid)
}

// Start starts a command of Command in the network namespace of the calling
// thread and in the PID namespace of all commands. Its process id is that of
// our own PID namespace, and it is our child.
func (in *Inside) Start(cmd *exec.Cmd) error {
	if err := in.ready(); err != nil {
		return fmt.Errorf("wait for init of commands: %w", err)
	}
	runtime.LockOSThread()
	if err := unix.Setns(in.commands, unix.CLONE_NEWPID); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter PID namespace of commands: %w", err)
	}
	err := cmd.Start()
	if back := unix.Setns(in.own, unix.CLONE_NEWPID); back != nil {
		return fmt.Errorf("leave PID namespace of commands: %w", back) // the thread stays locked: it is of no use to others
	}
	runtime.UnlockOSThread()
	return err
}

// openPidNamespaces opens ours and makes one for commands, with a first process
// that is no command: one would take all the others with it at its end.
func (in *Inside) openPidNamespaces() error {
	reaper := &exec.Cmd{
		Path:        Self,
		Args:        []string{"listenq", DropArg},
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Setsid: true},
	}
	if _, err := reaper.StdinPipe(); err != nil { // held open until our end
		return err
	}
	ready, err := reaper.StdoutPipe()
	if err != nil {
		return err
	}
	if err := reaper.Start(); err != nil {
		return err
	}
	in.reaper = reaper
	in.ready = sync.OnceValue(func() error {
		_, err := io.ReadFull(ready, make([]byte, 1))
		return err
	})
	if in.own, err = openPidNamespace("self"); err != nil {
		return err
	}
	in.commands, err = openPidNamespace(strconv.Itoa(reaper.Process.Pid))
	return err
}

func openPidNamespace(process string) (int, error) {
	return unix.Open("/proc/"+process+"/ns/pid", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}
