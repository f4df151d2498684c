package wire

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Run forwards frames until ctx ends, and then returns nil at once: what is
// under way stays on the wire. It returns an error if an interface goes down or
// away. It holds its thread, uses no CPU while nothing happens, and closes
// nothing that it was not given. Only one Run at a time may be under way.
func (w *Wire) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := precise()
	if err != nil {
		return err
	}
	defer restore()
	if err := w.poll.open(w.ports); err != nil {
		return err
	}
	w.setWake(w.poll.wake)
	defer func() {
		w.setWake(nil) // from here on nobody writes to the descriptor
		w.poll.close()
	}()
	stop := context.AfterFunc(ctx, w.interrupt)
	defer stop()
	for {
		idle, err := w.forward(ctx)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if err := w.poll.sleep(idle); err != nil {
			return err
		}
	}
}

func (w *Wire) setWake(wake func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake = wake
}

// interrupt ends the sleep of Run.
func (w *Wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake != nil {
		w.wake()
	}
}

// precise lets the thread's timers expire on time: by default the kernel lets
// them be 50 µs late to save wake-ups (PR_SET_TIMERSLACK).
func precise() (restore func(), err error) {
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("read timer slack: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("set timer slack: %w", err)
	}
	return func() { unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) }, nil
}

// poller sleeps until a frame arrives, a time is up, or it is woken.
type poller struct {
	ports   [2]*Port
	event   int            // eventfd
	fds     [3]unix.PollFd // of the ports and the event
	timeout unix.Timespec  // here, so that sleep need not allocate it
}

func (p *poller) open(ports [2]*Port) error {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("open eventfd: %w", err)
	}
	p.ports, p.event = ports, event
	for i, fd := range []int{ports[0].fd, ports[1].fd, event} {
		p.fds[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	return nil
}

func (p *poller) close() { unix.Close(p.event) }

// wake ends a sleep, or the next one if there is none now. The write can fail
// only when the counter is at its end, and then it wakes all the same.
func (p *poller) wake() { unix.Write(p.event, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// sleep waits for d, or for as long as nothing happens if d is negative.
func (p *poller) sleep(d time.Duration) error {
	var timeout *unix.Timespec
	if d >= 0 {
		p.timeout = unix.NsecToTimespec(d.Nanoseconds())
		timeout = &p.timeout
	}
	if _, err := unix.Ppoll(p.fds[:], timeout, nil); errors.Is(err, unix.EINTR) {
		return nil
	} else if err != nil {
		return fmt.Errorf("wait for frames: %w", err)
	}
	for i, port := range p.ports {
		if p.fds[i].Revents&unix.POLLERR != 0 {
			if err := port.failure(); err != nil {
				return err
			}
		}
	}
	if p.fds[2].Revents != 0 {
		var count [8]byte
		unix.Read(p.event, count[:]) // takes the wake-ups back; EAGAIN is as good
	}
	return nil
}
