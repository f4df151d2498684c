package server

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// accept replaces the accept policy. For "some" it takes at once what is
// already in the queue.
func (s *process) accept(p Policy) (reply, error) {
	close(s.stop)
	s.stop = make(chan struct{})
	if p.Mode == Some {
		taken, err := s.drain(p.N)
		if err != nil {
			return reply{}, err
		}
		p.N -= taken
	}
	raw, err := s.sock.SyscallConn()
	if err != nil {
		return reply{}, err
	}
	go s.follow(p, raw, s.stop)
	return reply{}, nil
}

// drain accepts at most n connections that are in the queue now.
func (s *process) drain(n int) (taken int, err error) {
	err = s.control("accept", func(fd int) error {
		for taken < n {
			switch err := s.take(fd); err {
			case nil:
				taken++
			case unix.EAGAIN:
				return nil
			default:
				return err
			}
		}
		return nil
	})
	return taken, err
}

// follow accepts as the policy says until stop is closed or the socket is.
func (s *process) follow(p Policy, raw syscall.RawConn, stop <-chan struct{}) {
	switch p.Mode {
	case After:
		if pause(p.D, stop) {
			s.follow(Policy{Mode: All}, raw, stop)
		}
	case Every:
		for pause(p.D, stop) && s.next(raw, stop) {
		}
	case Some:
		for range p.N {
			if !s.next(raw, stop) {
				return
			}
		}
	case All:
		for s.next(raw, stop) {
		}
	}
}

// pause waits for d; false if stop came first.
func pause(d time.Duration, stop <-chan struct{}) bool {
	select {
	case <-stop:
		return false
	case <-time.After(d):
		return true
	}
}

// next waits for a connection and accepts it. A policy that was replaced while
// it waited takes nothing.
func (s *process) next(raw syscall.RawConn, stop <-chan struct{}) bool {
	var failed error
	err := raw.Read(func(fd uintptr) bool {
		select {
		case <-stop:
			failed = os.ErrClosed
			return true
		default:
		}
		failed = s.take(int(fd))
		return failed != unix.EAGAIN
	})
	switch failed {
	case unix.ECONNABORTED, unix.EINTR:
		return err == nil
	}
	return err == nil && failed == nil
}

// take calls accept() once and keeps the connection.
func (s *process) take(listener int) error {
	fd, peer, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return err
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("clock_gettime: %w", err)
	}
	conn := os.NewFile(uintptr(fd), "connection")
	s.send(reply{Accepted: &Accepted{At: now.Nano(), Peer: address(peer).String()}})
	s.serve(conn)
	return nil
}

func (s *process) keep(conn *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, conn)
}
