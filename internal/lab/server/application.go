package server

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// serve does with a connection what the application does.
func (s *process) serve(conn *os.File) {
	switch s.conf.Does {
	case Read:
		go readAll(conn)
	case Answer:
		go answerAll(conn, []byte(s.conf.Text))
	case Close, Reset:
		if s.conf.After == 0 {
			s.end(conn)
			return
		}
		time.AfterFunc(s.conf.After, func() { s.end(conn) })
	}
	s.keep(conn)
}

// end closes a connection, with a reset if the application does that.
func (s *process) end(conn *os.File) {
	if raw, err := conn.SyscallConn(); err == nil && s.conf.Does == Reset {
		raw.Control(func(fd uintptr) { // fails if the connection is gone
			unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		})
	}
	conn.Close()
}

// readAll reads until the client is done, and closes.
func readAll(conn *os.File) {
	io.Copy(io.Discard, conn)
	conn.Close()
}

// answerAll sends a text for whatever it reads at once, until the client is done.
func answerAll(conn *os.File, text []byte) {
	defer conn.Close()
	for buffer := make([]byte, 64<<10); ; {
		if n, err := conn.Read(buffer); n == 0 || err != nil {
			return
		}
		if _, err := conn.Write(text); err != nil {
			return
		}
	}
}
