package inside

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/kernel"
	"listenq/internal/lab/job"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
	"listenq/internal/lab/server"
)

// running is a server of the script: a process of ours, or any command.
type running struct {
	name    string
	address netip.AddrPort // where clients connect to
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	output  *sandbox.Tail
	watched *observe.Listener
	control *server.Control // nil for a command
	config  server.Config   // of a server of ours
	wants   atomic.Int64    // how many more connections the accept policy takes at once
	stopped atomic.Bool
}

func newRunning(name string, cmd *exec.Cmd) *running {
	s := &running{name: name, cmd: cmd, ended: make(chan struct{}), output: &sandbox.Tail{}}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	return s
}

func (e *experiment) server(name string) *running {
	for _, s := range e.servers {
		if s.name == name {
			return s
		}
	}
	panic("script.Parse let an unknown server through: " + name)
}

// serve starts a server of our own.
func (e *experiment) serve(do script.Server) error {
	orders, ours, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	answers, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	hands, sockets, err := handingPair()
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	cmd, err := e.box.Command([]string{sandbox.Self, ServerArg}, orders, theirs, hands)
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1", "GODEBUG="+os.Getenv("GODEBUG"))
	s := newRunning(do.Name, cmd)
	if err := e.launch(s); err != nil {
		return err
	}
	orders.Close()
	theirs.Close()
	hands.Close()
	s.control = server.New(ours, answers, sockets, func(a server.Accepted) {
		s.took()
		e.obs.Accepted(do.Name, e.clock.Since(a.At), a.Peer)
	})
	s.address = netip.AddrPortFrom(e.net.Server.Addr, uint16(do.Port))
	s.config = server.Config{
		IPv6: e.script.Network.IPv6 || do.DualStack, MPTCP: do.MPTCP, Port: do.Port, Backlog: do.Backlog, Defer: do.Defer, ReusePort: do.ReusePort,
		FastOpen: do.FastOpen, Accept: policy(do.Accept), Does: server.Doing(do.Does), Text: do.Text, After: do.After,
	}
	if do.Later {
		s.wants.Store(0)
		return nil
	}
	return e.begins(s, do.Accept)
}

// begins lets a server of ours listen.
func (e *experiment) begins(s *running, accept script.Policy) error {
	s.setPolicy(accept)
	where, err := s.control.Listen(s.config)
	if err != nil {
		return listenFailed(err)
	}
	return e.watch(s, netip.AddrPortFrom(e.net.Server.Addr, uint16(where.Port)), uint32(where.Inode))
}

// listen lets a server of ours call listen(), again if it does already.
func (e *experiment) listen(do script.Listen) error {
	s := e.server(do.On)
	if s.watched != nil {
		return s.control.ListenAgain(do.Backlog)
	}
	s.config.Backlog = do.Backlog
	return e.begins(s, script.Policy{When: script.When(s.config.Accept.Mode), N: s.config.Accept.N, D: s.config.Accept.D})
}

// handingPair is two ends on which descriptors can be handed over.
func handingPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "sockets"), os.NewFile(uintptr(fds[1]), "sockets"), nil
}

func listenFailed(err error) error {
	if errors.Is(err, server.ErrEnded) {
		return err
	}
	return job.Fail("the server cannot listen: "+err.Error(), "two servers need two ports, or reuseport on both")
}

// launch starts a server's process in the server's namespace.
func (e *experiment) launch(s *running) error {
	err := kernel.InNetns(int(e.net.Server.Netns.Fd()), func() error { return e.box.Start(s.cmd) })
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	e.servers = append(e.servers, s)
	go func() {
		s.cmd.Wait() // how it ended is in its ProcessState
		close(s.ended)
	}()
	return nil
}

// watch begins to follow the listening socket of a server.
func (e *experiment) watch(s *running, address netip.AddrPort, inode uint32) error {
	s.address = address
	s.watched = e.obs.Listen(s.name, address, inode)
	if err := e.obs.Sample(); err != nil {
		return err
	}
	e.obs.Before(s.watched)
	return nil
}

// serveCommand starts a command and waits until it listens.
func (e *experiment) serveCommand(ctx context.Context, do script.ServerExec) error {
	address := netip.AddrPortFrom(e.net.Server.Addr, uint16(do.Port))
	cmd, err := e.box.Command(script.Expand(do.Command, address))
	if err != nil {
		return commandFailed(err)
	}
	s := newRunning(do.Name, cmd)
	if err := e.launch(s); err != nil {
		return err
	}
	began := time.Now()
	defer func() { e.prescribed += time.Since(began) }()
	for ctx.Err() == nil {
		port, inode, err := e.obs.FindListener(do.Port)
		switch {
		case err != nil:
			return err
		case port != 0:
			return e.watch(s, netip.AddrPortFrom(address.Addr(), port), inode)
		case time.Since(began) > do.Within:
			return job.Fail(fmt.Sprintf("%s did not listen within %v%s", do.Command[0], do.Within, s.output.Said()), "server within 30s exec … gives it longer")
		}
		select {
		case <-s.ended:
			return job.Fail(fmt.Sprintf("%s ended before it listened: %v%s", do.Command[0], cmd.ProcessState, s.output.Said()), "the command must stay in the foreground")
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// commandFailed explains why a command could not be prepared.
func commandFailed(err error) error {
	if missing, ok := errors.AsType[*sandbox.CommandNotFound](err); ok {
		return job.Fail(missing.Error(), "install it, or name a file beside the script as ./NAME")
	}
	return err
}

// serversAlive returns an error if a server has ended by itself.
func (e *experiment) serversAlive() error {
	for _, s := range e.servers {
		select {
		case <-s.ended:
			return job.Fail(fmt.Sprintf("%s has ended: %v%s", s.name, s.cmd.ProcessState, s.output.Said()), "a server must run until the experiment ends")
		default:
		}
	}
	return nil
}

// accept changes the accept policy of a server of ours.
func (s *running) accept(p script.Policy) error {
	s.setPolicy(p)
	return s.control.Accept(policy(p))
}

// all is a policy that never has enough.
const all = math.MaxInt64

func (s *running) setPolicy(p script.Policy) {
	switch p.When {
	case script.All:
		s.wants.Store(all)
	case script.Some:
		s.wants.Store(int64(p.N))
	default:
		s.wants.Store(0)
	}
}

// took notes that the server accepted a connection.
func (s *running) took() {
	if wants := s.wants.Load(); wants > 0 && wants < all {
		s.wants.Add(-1)
	}
}

// eager reports whether the server accepts what comes, at once.
func (s *running) eager() bool { return !s.stopped.Load() && s.wants.Load() > 0 }

// ends reports whether the server closes or resets at once what it accepts.
func (s *running) ends() bool {
	does := s.config.Does
	return s.watched != nil && !s.stopped.Load() && s.config.After == 0 && (does == server.Close || does == server.Reset)
}

// sync waits for the servers that do.
func (e *experiment) sync() error {
	for _, s := range e.servers {
		if s.ends() {
			if err := s.control.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *running) close() error {
	s.wants.Store(0)
	return s.control.Close()
}

// stop stops the server's processes, and waits until they are. They go on after d,
// or if it is 0 when they are ordered to.
func (s *running) stop(d time.Duration) error {
	s.stopped.Store(true)
	if err := s.signal(unix.SIGSTOP); err != nil {
		return err
	}
	for range 1000 {
		var status unix.Siginfo
		err := unix.Waitid(unix.P_PID, s.cmd.Process.Pid, &status, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err == nil && status.Signo != 0 {
			s.resumeAfter(d)
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("the server's process did not stop")
}

func (s *running) resumeAfter(d time.Duration) {
	if d > 0 {
		time.AfterFunc(d, func() { s.resume() }) // fails if the experiment is over by then
	}
}

func (s *running) resume() error {
	s.stopped.Store(false)
	return s.signal(unix.SIGCONT)
}

func (s *running) kill() {
	s.signal(unix.SIGKILL) // fails if it is gone
	<-s.ended
}

// signal sends a signal to the server and the processes it has started.
func (s *running) signal(sig syscall.Signal) error {
	if err := unix.Kill(-s.cmd.Process.Pid, sig); err != nil {
		return fmt.Errorf("send %v to the server: %w", sig, err)
	}
	return nil
}
