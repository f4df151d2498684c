package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/queue"
)

// screenOf is our end of a terminal: what the program wrote so far.
type screenOf struct {
	*os.File
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{}
}

// terminal opens both ends of a new one of 100 columns.
func terminal(t *testing.T) (ours *screenOf, theirs *os.File) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(theirs.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 100, Row: 24}); err != nil {
		t.Fatal(err)
	}
	ours = &screenOf{File: ptmx, written: make(chan struct{}, 1)}
	go ours.read()
	t.Cleanup(func() { theirs.Close(); ptmx.Close() })
	return ours, theirs
}

func (s *screenOf) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.text.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.written <- struct{}{}:
		default:
		}
	}
}

// until waits for a text, and takes what was written up to its end.
func (s *screenOf) until(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		all := s.text.String()
		i := strings.Index(all, text)
		if i >= 0 {
			s.text.Next(i + len(text))
		}
		s.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-s.written:
		case <-deadline:
			t.Fatalf("%q did not come; there was %q", text, all)
		}
	}
}

// outcome is how Run ended.
type outcome struct {
	summary Summary
	err     error
}

func start(ctx context.Context, o Options, theirs *os.File) <-chan outcome {
	o.In, o.Out = theirs, theirs
	ended := make(chan outcome, 1)
	go func() {
		s, err := Run(ctx, o)
		ended <- outcome{s, err}
	}()
	return ended
}

func settings(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// seconds is a source of the host's seconds.
func seconds() func(*queue.Sample) error {
	n := -1
	return func(s *queue.Sample) error {
		n++
		*s = host(n)
		return nil
	}
}

const leavesScreen = "\x1b[?1049l"

// TestRun presses keys on a terminal, and finds it as it was afterwards.
func TestRun(t *testing.T) {
	ours, theirs := terminal(t)
	before := settings(t, theirs)
	ended := start(t.Context(), Options{Source: seconds(), Interval: 100 * time.Millisecond, ASCII: true}, theirs)
	ours.until(t, "\x1b[?1049h")
	ours.until(t, "nginx")
	ours.WriteString("/:8080")
	ours.until(t, "/:8080_")
	ours.WriteString("\r")
	ours.until(t, "1 of 4")
	ours.WriteString("Q")
	ours.until(t, leavesScreen)
	end := <-ended
	if end.err != nil || end.summary.Worst == nil || !strings.Contains(end.summary.Screen, "0.0.0.0:8080") {
		t.Errorf("ended with %v, %+v", end.err, end.summary)
	}
	if after := settings(t, theirs); after != before {
		t.Errorf("the terminal was %v and is %v", before, after)
	}
}

// TestRunEnds holds that a signal, which ends the context, is a normal end.
func TestRunEnds(t *testing.T) {
	ours, theirs := terminal(t)
	before := settings(t, theirs)
	ctx, cancel := context.WithCancel(t.Context())
	ended := start(ctx, Options{Source: seconds(), Interval: time.Second}, theirs)
	ours.until(t, "nginx")
	cancel()
	ours.until(t, leavesScreen)
	if end := <-ended; end.err != nil {
		t.Error(end.err)
	}
	if after := settings(t, theirs); after != before {
		t.Errorf("the terminal was %v and is %v", before, after)
	}
}

// TestRunPanics holds that the terminal is restored then, too.
func TestRunPanics(t *testing.T) {
	source, drawn := seconds(), make(chan struct{})
	for _, test := range []struct {
		name string
		o    Options
		keys string
	}{
		{"an action", Options{Source: seconds(), Save: func([]queue.Sample) (string, error) { panic("told to") }}, "S"},
		{"the source", Options{Source: func(s *queue.Sample) error {
			if err := source(s); s.T == 0 {
				return err
			}
			<-drawn
			panic("told to")
		}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := terminal(t)
			before := settings(t, theirs)
			test.o.Interval = 100 * time.Millisecond
			ended := start(t.Context(), test.o, theirs)
			ours.until(t, "nginx")
			ours.WriteString(test.keys)
			if test.keys == "" {
				close(drawn)
			}
			ours.until(t, leavesScreen)
			if end := <-ended; !errors.Is(end.err, ErrPanic) {
				t.Errorf("ended with %v", end.err)
			}
			if after := settings(t, theirs); after != before {
				t.Errorf("the terminal was %v and is %v", before, after)
			}
		})
	}
}

func TestRunRefusesFilter(t *testing.T) {
	if _, err := Run(t.Context(), Options{Filter: []string{"pid:x"}}); err == nil {
		t.Error("pid:x is a filter")
	}
}
