package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Inside is the sandbox that this process is the first process of. Its methods
// may be called by several goroutines at once.
type Inside struct {
	shown shown
	who   identity
	rules *os.File // the Landlock ruleset of commands; nil: the kernel has none

	unfiltered bool // there is no seccomp filter for this process

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
	if unsent := json.NewEncoder(host).Encode(outcome(err)); unsent != nil {
		return nil, fmt.Errorf("enter sandbox: report to host: %w", errors.Join(unsent, err))
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
	if err := dieFirst(); err != nil {
		return nil, &stepError{"set oom_score_adj", err}
	}
	if err := noUserNamespaces(c.Who); err != nil {
		return nil, &stepError{"set user.max_user_namespaces", err}
	}
	var copies *os.File
	if c.Copies != 0 {
		copies = os.NewFile(uintptr(c.Copies), "copies")
	}
	in := &Inside{who: c.Who}
	var err error
	if in.shown, err = buildRoot(c.View, copies); err != nil {
		return nil, err
	}
	if err := settingsAreOurs(); err != nil {
		return nil, &stepError{"open the settings of the network namespace", err}
	}
	if err := unix.Sethostname([]byte("listenq")); err != nil {
		return nil, &stepError{"set host name", err}
	}
	if in.rules, err = commandRules(c.View.Devices, c.Throwaway); err != nil {
		return nil, &stepError{"set up Landlock", err}
	}
	switch err := runnerFilter.install(unix.SECCOMP_FILTER_FLAG_TSYNC); {
	case errors.Is(err, errNoSeccomp):
		in.unfiltered = true
	case err != nil:
		return nil, &stepError{"set up seccomp", err}
	}
	if err := in.openPidNamespaces(); err != nil {
		return nil, &stepError{"make PID namespace of commands", err}
	}
	return in, nil
}

// dieFirst makes the kernel end this process and what it starts before others when
// memory runs out (oom_badness, mm/oom_kill.c). For the file to be ours we have to be
// dumpable for a moment, in which there is no command yet; afterwards a core dump would
// be handed to a program of the host, and commands that have our uid could look into us.
func dieFirst() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// settingsAreOurs finds out whether the settings of our network namespace can be written.
func settingsAreOurs() error {
	setting, err := os.OpenFile("/proc/sys/net/ipv4/ip_local_port_range", os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // it is the machine's before Linux 3.15
		return nil
	}
	if err != nil {
		return err
	}
	return setting.Close()
}

// noUserNamespaces forbids user namespaces below ours, in which a command would have
// rights. Where there is none, the number is the host's: seccomp alone forbids them.
func noUserNamespaces(who identity) error {
	if !who.Userns {
		return nil
	}
	err := os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
	if errors.Is(err, fs.ErrNotExist) { // before Linux 4.9
		return nil
	}
	return err
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
	if len(in.shown.folders) > 0 {
		shared = append(shared, "Locks, FIFOs and new UNIX sockets in "+strings.Join(in.shown.folders, ", ")+" are the host's, and can be reached by commands: this kernel lets nobody put a layer above.")
	}
	if in.rules == nil {
		shared = append(shared, "This kernel has no Landlock, the second wall around files.")
	}
	if in.unfiltered {
		shared = append(shared, "This kernel has no seccomp filter for whole processes, the second wall around system calls: commands have one if it has any.")
	}
	if !in.who.Userns {
		shared = append(shared, "There is no user namespace, because they are forbidden here or hide what is set: the experiment runs with some of root's rights, and its commands as nobody (65534).")
	} else if !in.who.Stranger {
		shared = append(shared, "Commands run with the user id of whoever started the experiment, and read what this user may read in the folders they are shown.")
	}
	return shared
}
