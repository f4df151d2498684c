package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"listenq/internal/answer"
	"listenq/internal/cli/show"
	"listenq/internal/explain"
	"listenq/internal/judge"
	"listenq/internal/text"
)

// captureFlags are those of explain that are about captures.
type captureFlags struct {
	all                      bool
	side, listener, annotate string
	outcomes                 []string
	since, until             time.Duration
}

// packets reports that something is asked that packets alone answer.
func (f *captureFlags) packets() bool {
	return f.all || f.side != "" || f.listener != "" || f.annotate != "" || len(f.outcomes) > 0 || f.since != 0 || f.until != 0
}

// allConnections is how many --all and --json list one by one.
const allConnections = 40_000

func (f *captureFlags) options() (o explain.Options, err error) {
	if o.Listener, err = explain.ParseFilter(f.listener); err != nil {
		return o, &usageError{"--listener: " + err.Error(), "as in --listener :8080"}
	}
	for _, name := range f.outcomes {
		if !slices.Contains(explain.Outcomes(), judge.Outcome(name)) {
			return o, &usageError{fmt.Sprintf("--outcome: there is no outcome %q", name), "outcomes: " + strings.Join(outcomes(), ", ")}
		}
		o.Outcomes = append(o.Outcomes, judge.Outcome(name))
	}
	if f.since < 0 || f.until < 0 || f.until > 0 && f.until <= f.since {
		return o, &usageError{"--since and --until count from the first packet, and --until is the later", ""}
	}
	o.Since, o.Until = f.since, f.until
	if f.all {
		o.Connections = allConnections
	}
	return o, nil
}

// outcomes are the names that --outcome takes.
func outcomes() (names []string) {
	for _, o := range explain.Outcomes() {
		names = append(names, string(o))
	}
	return names
}

// places reads --side: one for all files, or one for each.
func (f *captureFlags) places(files int) ([]answer.Place, error) {
	places := make([]answer.Place, files)
	if f.side == "" {
		return places, nil
	}
	names := strings.Split(f.side, ",")
	if len(names) != 1 && len(names) != files {
		return nil, &usageError{fmt.Sprintf("--side names %d places for %d files", len(names), files), "one for all, or one for each: --side client,server"}
	}
	for i := range places {
		place := answer.Place(names[min(i, len(names)-1)])
		if !slices.Contains([]answer.Place{answer.PlaceClient, answer.PlaceServer, answer.PlaceBoth, answer.PlaceBetween}, place) {
			return nil, &usageError{fmt.Sprintf("--side takes client, server, both or between, not %q", place), ""}
		}
		places[i] = place
	}
	return places, nil
}

// opener opens a file to read.
type opener func(ctx context.Context, name string) (*os.File, error)

// captures are files that one call of explain is about.
type captures struct {
	env    Env
	screen text.Screen
	flags  captureFlags
	asJSON bool
	open   opener
	files  []string
}

// explain reads them and prints what happened in them.
func (c *captures) explain(ctx context.Context) error {
	options, err := c.flags.options()
	if err != nil {
		return err
	}
	places, err := c.flags.places(len(c.files))
	if err != nil {
		return err
	}
	report, interrupted := c.read(ctx, options, places)
	if report == nil {
		return interrupted
	}
	report.Schema = answer.ExplanationSchema
	if c.asJSON {
		err = show.JSON(c.env.Stdout, report)
	} else {
		long, flush := c.screen.Buffered()
		show.Explanation(long, report, c.flags.all)
		err = flush()
	}
	for _, d := range report.Damage {
		err = worseOf(err, fmt.Errorf("read %s: byte %d: %s", d.File, d.Offset, d.Text))
	}
	if report.Bad() {
		err = worseOf(err, errBad)
	}
	return worseOf(err, interrupted)
}

// read opens the files and explains them, and annotates them if that is asked for. Of an
// interrupted read it returns what was read, and the error.
func (c *captures) read(ctx context.Context, options explain.Options, places []answer.Place) (*answer.Explanation, error) {
	progress := newReading(c.env.Stderr)
	defer progress.clear()
	inputs, opened := make([]explain.Input, len(c.files)), make([]*os.File, len(c.files))
	for i, name := range c.files {
		in, err := c.open(ctx, name)
		if err != nil {
			return nil, err
		}
		defer in.Close()
		opened[i] = in
		inputs[i] = explain.Input{Name: name, Data: progress.of(in), Place: places[i]}
		if name == stdin {
			inputs[i].Name = "standard input"
		}
	}
	var notes annotations
	if c.flags.annotate != "" {
		for i := range c.files {
			if info, err := opened[i].Stat(); err != nil || !info.Mode().IsRegular() {
				return nil, &usageError{fmt.Sprintf("--annotate reads its files twice, and %s cannot be", inputs[i].Name), "write it to a file first"}
			}
		}
		notes = newAnnotations(len(c.files))
		options.Comment = notes.comment
	}
	report, err := explain.Captures(ctx, inputs, options)
	switch {
	case report == nil:
		return nil, hintCapture(err)
	case c.flags.annotate != "" && err == nil:
		err = notes.write(c.flags.annotate, c.files, report)
	}
	return report, err
}

// stdin is the name of the standard input among files.
const stdin = "-"

func openCapture(ctx context.Context, name string) (*os.File, error) {
	if name == stdin {
		return os.Stdin, nil
	}
	file, err := openNamed(ctx, name)
	if err != nil && ctx.Err() == nil {
		return nil, &usageError{err.Error(), "listenq explain takes capture files, a recording or codes of findings"}
	}
	return file, err
}

// openNamed opens what somebody named on purpose, whatever it is. A pipe opens when
// another program writes to it; if ctx ends before, so does the wait.
func openNamed(ctx context.Context, name string) (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		file, err := os.Open(name)
		done <- result{file, err}
	}()
	select {
	case r := <-done:
		return r.file, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func hintCapture(err error) error {
	return &usageError{err.Error(), "captures are of tcpdump or Wireshark: pcap or pcapng, plain or gzip"}
}

// reading shows on a terminal how far files are read.
type reading struct {
	*progress
	size, done int64
	began      time.Time
	drawn      time.Time
}

// terminalWidth is 0 for what is no terminal.
func terminalWidth(w io.Writer) int {
	file, ok := text.Below(w).(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		return 80
	}
	return columns
}

// newReading shows nothing unless w is a terminal.
func newReading(w io.Writer) *reading {
	return &reading{progress: &progress{w: asText(w), width: terminalWidth(w), stop: make(chan struct{})}, began: time.Now()}
}

// of is a file that is read with progress.
func (r *reading) of(file *os.File) io.Reader {
	if r.width == 0 {
		return file
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		r.size += info.Size()
	}
	return &counted{file, r}
}

// counted counts what is read of a file.
type counted struct {
	io.Reader
	reading *reading
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.reading.add(n)
	return n, err
}

// add draws after a second, and then four times a second. Files are read at the same
// time, and an interrupted read may end after everything was printed.
func (r *reading) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.stop:
		return
	default:
	}
	r.done += int64(n)
	now := time.Now()
	if now.Sub(r.began) < time.Second || now.Sub(r.drawn) < 250*time.Millisecond {
		return
	}
	r.drawn = now
	words := fmt.Sprintf("read %.1f GB", float64(r.done)/1e9)
	if r.size > 0 {
		words += fmt.Sprintf(" of %.1f GB, %d %%", float64(r.size)/1e9, r.done*100/r.size)
	}
	r.w.Redraw(words)
}
