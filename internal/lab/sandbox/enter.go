package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// Inside is the sandbox that this process is the first process of. Its methods
// may be called by several goroutines at once.
type Inside struct {
	view view
	who  identity

	own      int          // descriptor of our PID namespace
	commands int          // descriptor of that of commands
	ready    func() error // waits until commands can be started in it
	reaper   *exec.Cmd    // its first process; kept, as the collector would close the pipe that it lives by
}

// Enter completes what Start began. It must be the first thing that the program
// inside does, before it opens files or starts goroutines that do. Afterwards
// the process has all rights in its namespaces and none outside, and ends with
// the process that called Start. What goes wrong in the namespaces is the error
// of Start; Enter does not return then, since Start may try again otherwise.
func Enter() (*Inside, error) {
	host, err := hostSocket()
	if err != nil {
		return nil, fmt.Errorf("enter sandbox: %w", err)
	}
	var c config
	if err := json.NewDecoder(host).Decode(&c); err != nil {
		return nil, fmt.Errorf("enter sandbox: read configuration: %w", err)
	}
	in, err := enter(c)
	if told := json.NewEncoder(host).Encode(outcome(err)); told != nil {
		return nil, fmt.Errorf("enter sandbox: tell host: %w", errors.Join(told, err))
	}
	if err != nil {
		endWith(host)
	}
	go endWith(host)
	return in, nil
}

// endWith ends this process when the parent ends, in whatever way.
func endWith(host io.Reader) {
	_, _ = io.Copy(io.Discard, host)
	os.Exit(1)
}

func hostSocket() (*os.File, error) {
	fd, err := strconv.Atoi(os.Getenv(socketEnv))
	if err != nil || os.Getpid() != 1 {
		return nil, errors.New("not started by sandbox.Start")
	}
	return os.NewFile(uintptr(fd), "host"), os.Unsetenv(socketEnv)
}

func enter(c config) (*Inside, error) {
	if err := closeOnExec(); err != nil {
		return nil, err
	}
	unix.Umask(0o022)
	// A core dump would be handed to a program of the host, and commands that
	// have our uid could look into us.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, &stepError{"hide memory", err}
	}
	if err := buildRoot(c.View); err != nil {
		return nil, err
	}
	if err := unix.Sethostname([]byte("listenq")); err != nil {
		return nil, &stepError{"set host name", err}
	}
	in := &Inside{view: c.View, who: c.Who}
	if err := in.openPidNamespaces(); err != nil {
		return nil, &stepError{"make PID namespace of commands", err}
	}
	return in, nil
}

// closeOnExec keeps what was inherited, by intent or not, from commands.
func closeOnExec() error {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list descriptors: %w", err)
	}
	for _, entry := range fds {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// outcome puts an error into what the host can read.
func outcome(err error) entered {
	if err == nil {
		return entered{}
	}
	answer := entered{Step: "set up", Text: err.Error()}
	if step, ok := errors.AsType[*stepError](err); ok {
		answer.Step, answer.Text = step.step, step.err.Error()
	}
	answer.Errno, _ = errors.AsType[unix.Errno](err)
	return answer
}

// UserNamespace reports whether the sandbox has a user namespace of its own.
func (in *Inside) UserNamespace() bool { return in.who.Userns }

// Shared names what no namespace isolates, in plain sentences.
func (in *Inside) Shared() []string {
	shared := []string{
		"The kernel's log is the host's: a warning of possible SYN flooding from the experiment appears there.",
		"The kernel may load modules on behalf of the experiment, such as veth or tcp_diag, and they stay loaded.",
		"The memory limits of TCP (net.ipv4.tcp_mem) and its count of orphaned sockets are the host's: an experiment uses them up with the host.",
		"CPU time, memory and the tables of connections and processes are shared with the host.",
		"Clocks are the host's.",
	}
	if in.view.Dir != "" {
		shared = append(shared, "UNIX sockets that the host makes in "+in.view.Dir+" during the experiment can be reached by its commands.")
	}
	if !in.who.Userns {
		shared = append(shared, "There is no user namespace, because they are forbidden here or hide what is set: the experiment runs with some of root's rights, and its commands as nobody (65534).")
	} else if !in.who.Stranger {
		shared = append(shared, "Commands run with the user id of whoever started the experiment, and read what this user may read in the folders they are shown.")
	}
	return shared
}
