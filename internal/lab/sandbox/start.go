package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Spec says what to run in a sandbox.
type Spec struct {
	Args    []string   // arguments for this program inside: os.Args[1:]
	Files   []*os.File // inherited as descriptors 3 and up
	Copies  *os.File   // of Pack: files of the host that commands may read; nil: none
	Dir     string     // the folder that they are in on the host
	Devices []string   // names in /dev that commands see beside those that do nothing
	Stderr  io.Writer  // of the program inside; nil: none
	Bare    bool       // without a user namespace, which only root can

	// Throwaway says that this program's file ends with the machine, as in a guest: it is
	// executed inside as it is, and no copy of it.
	Throwaway bool
}

// Sandbox is a running sandbox, seen from the host.
type Sandbox struct {
	cmd  *exec.Cmd
	host *os.File // our end of the socket; its end ends the sandbox
	done chan struct{}
	err  error // of cmd.Wait; valid when done is closed
}

// socketEnv is the environment variable that says which descriptor is its end of the socket.
const socketEnv = "LISTENQ_SANDBOX"

// Start runs this program again as the first process of new namespaces, and
// returns when it has entered them, which it must do before anything else. The
// error is a *Forbidden where the host does not allow namespaces. Root goes on
// without a user namespace where only that one is forbidden.
func Start(spec Spec) (*Sandbox, error) {
	view := survey(spec.Dir, spec.Devices)
	choices := identities()
	if spec.Bare {
		choices = choices[len(choices)-1:]
	}
	var first error
	for _, who := range choices {
		box, err := start(spec, config{View: view, Who: who, Throwaway: spec.Throwaway})
		if err == nil {
			return box, nil
		}
		if !forbids(err) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, diagnose(first, readSetting)
}

// config is what the program inside is given.
type config struct {
	View   view
	Who    identity
	Copies int // their descriptor; 0: there are none

	Throwaway bool // Spec.Throwaway
}

// entered is what the program inside answers.
type entered struct {
	Step  string // that failed; "": none
	Errno unix.Errno
	Text  string
}

func start(spec Spec, c config) (*Sandbox, error) {
	host, inside, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	program, err := spec.program(c.Who)
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", &stepError{stepProgram, err})
	}
	files := append(spec.Files[:len(spec.Files):len(spec.Files)], inside)
	if spec.Copies != nil {
		files = append(files, spec.Copies)
		c.Copies = 2 + len(files)
	}
	if inTheWay(program, files) {
		return nil, fmt.Errorf("start sandbox: %w", unix.EMFILE)
	}
	box := &Sandbox{host: host, done: make(chan struct{}), cmd: &exec.Cmd{
		Path:        fmt.Sprintf("/proc/self/fd/%d", program.Fd()),
		Args:        append([]string{os.Args[0]}, spec.Args...),
		Env:         append(os.Environ(), socketEnv+"="+strconv.Itoa(3+len(spec.Files))),
		Stderr:      spec.Stderr,
		ExtraFiles:  files,
		SysProcAttr: c.Who.attr(),
	}}
	started := make(chan error)
	go box.live(c, inside, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	return box, nil
}

// live is the life of the sandbox's parent thread. The kernel sends the death
// signal when that thread ends, not the process, so it stays until the sandbox
// has ended. It is never unlocked: it ends with the changes made to it.
func (s *Sandbox) live(c config, inside *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer s.host.Close()
	err := s.begin(c, inside)
	started <- err
	if err == nil {
		s.err = s.cmd.Wait()
		close(s.done)
	}
}

// begin starts the first process and leaves nothing behind if it cannot be
// entered.
func (s *Sandbox) begin(c config, inside *os.File) error {
	err := prepareThread(c)
	if err == nil {
		err = s.cmd.Start()
	}
	inside.Close() // or our end would not see the other one close
	if err != nil {
		return err
	}
	if err := s.handshake(c); err != nil {
		s.Kill()
		_ = s.cmd.Wait() // it was killed; what went wrong before is known
		return err
	}
	return nil
}

// prepareThread gives the calling thread what its child is to inherit: no key of the
// caller's session, and few rights where no user namespace makes them worthless.
func prepareThread(c config) error {
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("leave session keyring: %w", err)
	}
	if c.Who.Userns {
		return nil
	}
	return boundCapabilities(bareCapabilities)
}

// handshake sends the program inside what it needs and waits for its answer.
func (s *Sandbox) handshake(c config) error {
	if err := json.NewEncoder(s.host).Encode(c); err != nil {
		return fmt.Errorf("configure sandbox: %w", err)
	}
	var answer entered
	if err := json.NewDecoder(s.host).Decode(&answer); err != nil {
		return fmt.Errorf("sandbox ended before it was entered: %w", err)
	}
	if answer.Step == "" {
		return nil
	}
	if answer.Errno == 0 {
		return &stepError{answer.Step, errors.New(answer.Text)}
	}
	return &stepError{answer.Step, answer.Errno}
}

// Wait waits until the sandbox has ended, all of its processes included, and
// returns an *exec.ExitError if its first process did not exit with 0. Any
// number of goroutines may wait.
func (s *Sandbox) Wait() error {
	<-s.done
	return s.err
}

// Kill ends all processes of the sandbox at once. Wait returns soon after.
func (s *Sandbox) Kill() { _ = s.cmd.Process.Kill() } // the one error is that it has ended already

// Pid is the host's id of the sandbox's first process.
func (s *Sandbox) Pid() int { return s.cmd.Process.Pid }

func socketPair() (host, inside *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), os.NewFile(uintptr(fds[1]), "host"), nil
}
