package client

import (
	"cmp"
	"fmt"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
)

// Connecting reports whether connect() has not returned yet.
func (c *Conn) Connecting() bool {
	select {
	case <-c.connected:
		return false
	default:
		return true
	}
}

// Connected is closed when connect() has returned.
func (c *Conn) Connected() <-chan struct{} { return c.connected }

// Send makes one send() call. That the peer is gone is a result, not an error
// of Send.
func (c *Conn) Send(data []byte) error {
	return c.call("send", func(fd int) (int, error) {
		return unix.SendmsgN(fd, data, nil, nil, unix.MSG_NOSIGNAL)
	})
}

// Shutdown closes the sending half.
func (c *Conn) Shutdown() error {
	return c.call("shutdown", func(fd int) (int, error) { return 0, unix.Shutdown(fd, unix.SHUT_WR) })
}

// Reset closes the connection with a reset: close() with SO_LINGER 0.
func (c *Conn) Reset() error {
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	})
	if err = cmp.Or(err, failed); err != nil {
		return fmt.Errorf("set SO_LINGER: %w", err)
	}
	return c.close(true)
}

// Close closes the socket, with a connect() that is still under way.
func (c *Conn) Close() error { return c.close(false) }

// close returns when the descriptor is closed and nobody uses it any more.
func (c *Conn) close(reset bool) error {
	began := c.conf.Clock()
	if err := c.file.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	c.report(began, evidence.Call{Name: "close", Reset: reset}, nil)
	return nil
}

func (c *Conn) call(name string, f func(fd int) (int, error)) error {
	began := c.conf.Clock()
	var result int
	var failed error
	if err := c.raw.Control(func(fd uintptr) { result, failed = f(int(fd)) }); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.report(began, evidence.Call{Name: name, Result: result}, failed)
	return nil
}

// Behind reports whether the socket offers something that the background call
// has not taken yet: the end of a connect(), data, the peer's close, a reset.
func (c *Conn) Behind() bool {
	select {
	case <-c.ended:
		return false
	default:
	}
	events := int16(unix.POLLIN)
	if c.Connecting() {
		events = unix.POLLOUT
	}
	ready := false
	c.raw.Control(func(fd uintptr) { // fails if the socket is closed: then it offers nothing
		fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(fds, 0)
		ready = err == nil && n > 0
	})
	return ready
}

// Abandon closes the socket without a word, at the end of the experiment.
func (c *Conn) Abandon() { c.file.Close() }
