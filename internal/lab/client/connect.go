package client

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
)

// wait follows connect(), which returned begun, to its end, and then reads.
func (c *Conn) wait(begun error) {
	defer close(c.ended)
	if c.conf.GiveUp > 0 {
		timer := time.AfterFunc(c.conf.GiveUp, c.giveUp)
		defer timer.Stop()
	}
	err := begun
	if errors.Is(begun, unix.EINPROGRESS) {
		err = c.finish()
	}
	c.report(c.began, evidence.Call{Name: "connect", Own: c.gaveUp.Load() && errors.Is(err, unix.ECANCELED)}, err)
	if err == nil && c.conf.Ask != "" {
		c.Send([]byte(c.conf.Ask)) // fails if the socket is closed: then nobody asks
	}
	close(c.connected)
	if err == nil {
		c.read()
	}
}

// finish waits until the kernel has decided: connected, or an error. ECANCELED
// says that the client closed the socket meanwhile.
func (c *Conn) finish() (failed error) {
	closed := c.raw.Write(func(fd uintptr) bool {
		number, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
		case number != 0:
			failed = unix.Errno(number)
		default:
			_, err := unix.Getpeername(int(fd))
			return err == nil
		}
		return true
	})
	if closed != nil {
		return unix.ECANCELED
	}
	return failed
}

func (c *Conn) giveUp() {
	if c.Connecting() {
		c.gaveUp.Store(true)
		c.Close()
	}
}

// read takes what comes until the connection ends.
func (c *Conn) read() {
	buffer := make([]byte, 4096)
	for {
		began := c.conf.Clock()
		var n int
		var failed error
		closed := c.raw.Read(func(fd uintptr) bool {
			n, failed = unix.Read(int(fd), buffer)
			return failed != unix.EAGAIN
		})
		if closed != nil {
			return
		}
		c.report(began, evidence.Call{Name: "recv", Result: n}, failed)
		if failed != nil || n == 0 {
			return
		}
	}
}
