package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"slices"

	"listenq/internal/queue"
)

// ErrCounters is what is wrong with a counter file that is not as
// net/ipv4/proc.c writes it.
var ErrCounters = errors.New("malformed counters")

// CounterReader reads /proc/net/snmp and /proc/net/netstat, or the first alone, of
// one network namespace: the one in which the thread was that opened it, for good.
// It is not safe for concurrent use.
type CounterReader struct {
	files []counterFile
	names []string // of all files; made anew when they change, as they are given away; nil: to be made
}

// OpenCounters opens a CounterReader in the network namespace of the calling
// thread. It needs no privilege.
func OpenCounters() (*CounterReader, error) { return openCounters(threadFile("net/"), snmp, netstat) }

// OpenAllCounters is OpenCounters with those of IPv6 (/proc/net/snmp6), where the kernel has
// IPv6. They cost as much again.
func OpenAllCounters() (*CounterReader, error) {
	r, err := OpenCounters()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(threadFile("net/snmp6"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, nil
	case err != nil:
		return nil, errors.Join(err, r.Close())
	}
	r.files = append(r.files, newCounterFile(f, &pairTable{}))
	return r, nil
}

// OpenSnmp is OpenCounters for the counters of the standards alone, such as
// TcpInSegs. They cost about a quarter of all.
func OpenSnmp() (*CounterReader, error) { return openCounters(threadFile("net/"), snmp) }

const (
	snmp    = "snmp"
	netstat = "netstat"
)

// openCounters opens those of a folder that is /proc/net of some namespace, as
// /proc/PID/net is without any privilege.
func openCounters(dir string, names ...string) (*CounterReader, error) {
	var r CounterReader
	for _, name := range names {
		f, err := os.Open(dir + name)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.files = append(r.files, newCounterFile(f, &counterTable{}))
	}
	return &r, nil
}

// Close closes the files. Read gives os.ErrClosed from then on.
func (r *CounterReader) Close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.file.Close())
	}
	return errors.Join(errs...)
}

// Read sets the names and values of into, and leaves T alone. The names are
// those of nstat, the prefix of the line before the name, and like nstat it
// leaves out what is no counter (notCounters). Names stays the same slice until
// the kernel shows other counters, as it does when ICMP messages of a new type
// came. Values is reused if it has room.
func (r *CounterReader) Read(into *queue.Counters) error {
	for i := range r.files {
		renamed, err := r.files[i].read()
		if renamed || err != nil {
			r.names = nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", r.files[i].file.Name(), err)
		}
	}
	if r.names == nil {
		for i := range r.files {
			r.names = append(r.names, r.files[i].table.names()...)
		}
	}
	into.Names = r.names
	into.Values = into.Values[:0]
	for i := range r.files {
		into.Values = append(into.Values, r.files[i].table.numbers()...)
	}
	return nil
}

// counterFile is a file of counters, and what it held when last read.
type counterFile struct {
	file       *os.File
	text, last []byte // text swaps with last, which is what the table is of
	table      table
}

// table is what a file of counters says, in one of the two forms that the kernel writes.
type table interface {
	// parse takes a file. It reports whether the names are others than before. After an
	// error the table is worth nothing.
	parse(text []byte) (renamed bool, err error)
	names() []string
	numbers() []uint64 // for the names, in their order
}

func newCounterFile(f *os.File, t table) counterFile {
	return counterFile{file: f, text: make([]byte, 0, 8<<10), last: make([]byte, 0, 8<<10), table: t}
}

// read reads the file again. It reports whether the names are others than before.
func (f *counterFile) read() (renamed bool, err error) {
	// The kernel writes the file anew for a read at offset 0, whole if it fits
	// (single_open, fs/seq_file.c).
	n, err := f.file.ReadAt(f.text[:cap(f.text)], 0)
	for err == nil {
		f.text = make([]byte, 0, 2*cap(f.text))
		n, err = f.file.ReadAt(f.text[:cap(f.text)], 0)
	}
	if err != io.EOF {
		return false, err
	}
	if f.text = f.text[:n]; bytes.Equal(f.text, f.last) {
		return false, nil
	}
	if renamed, err = f.table.parse(f.text); err != nil {
		f.last = f.last[:0]
		return false, err
	}
	f.text, f.last = f.last, f.text
	return renamed, nil
}

// counterTable is what a counter file says: pairs of lines,
//
//	TcpExt: SyncookiesSent ListenOverflows
//	TcpExt: 0 12
type counterTable struct {
	lines  []counterLine
	values []uint64 // of all lines, for the names that are kept
}

func (t *counterTable) parse(text []byte) (renamed bool, err error) {
	defer func() {
		if err != nil {
			*t = counterTable{}
		}
	}()
	t.values = t.values[:0]
	i := 0
	for ; len(text) > 0; i++ {
		var header, values []byte
		header, text = cutLine(text)
		values, text = cutLine(text)
		if i == len(t.lines) || !bytes.Equal(header, t.lines[i].header) {
			line, err := newCounterLine(header)
			if err != nil {
				return false, err
			}
			t.lines, renamed = append(t.lines[:i], line), true
		}
		if t.values, err = t.lines[i].appendValues(t.values, values); err != nil {
			return false, err
		}
	}
	if i < len(t.lines) {
		t.lines, renamed = t.lines[:i], true
	}
	return renamed, nil
}

func (t *counterTable) numbers() []uint64 { return t.values }

func (t *counterTable) names() (names []string) {
	for _, l := range t.lines {
		for _, name := range l.names {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// notCounters are columns that are settings, or go down again.
var notCounters = []string{
	"IpForwarding", "IpDefaultTTL",
	"TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab",
}

// counterLine is a line of names.
type counterLine struct {
	header []byte   // the line, to know it again
	prefix []byte   // "TcpExt:", with which the line of values starts too
	names  []string // for each column; empty for one that is left out
}

func newCounterLine(header []byte) (counterLine, error) {
	prefix, columns, ok := bytes.Cut(header, []byte(":"))
	if !ok {
		return counterLine{}, fmt.Errorf("%w: no names in %.40q", ErrCounters, header)
	}
	l := counterLine{header: bytes.Clone(header)}
	l.prefix = l.header[:len(prefix)+1]
	for column := range bytes.FieldsSeq(columns) {
		name := string(prefix) + string(column)
		if slices.Contains(notCounters, name) {
			name = ""
		}
		l.names = append(l.names, name)
	}
	return l, nil
}

// appendValues appends the values of the names that are kept.
func (l *counterLine) appendValues(values []uint64, line []byte) ([]uint64, error) {
	rest, ok := bytes.CutPrefix(line, l.prefix)
	for _, name := range l.names {
		var word []byte
		word, rest = cutWord(rest)
		v, isCounter := parseCounter(word)
		switch {
		case name != "":
			ok = ok && isCounter
			values = append(values, v)
		case len(word) == 0:
			ok = false
		}
	}
	if !ok || len(rest) > 0 {
		return values, fmt.Errorf("%w: line after the names of %q", ErrCounters, l.prefix)
	}
	return values, nil
}

func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return line, rest
}

// cutWord cuts off a word and the one space before it.
func cutWord(b []byte) (word, rest []byte) {
	b = bytes.TrimPrefix(b, []byte(" "))
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// parseCounter is strconv.ParseUint for bytes, which would have to become a
// string first.
func parseCounter(word []byte) (v uint64, ok bool) {
	for _, c := range word {
		if c < '0' || c > '9' {
			return 0, false
		}
		high, low := bits.Mul64(v, 10)
		sum, carry := bits.Add64(low, uint64(c-'0'), 0)
		if high|carry != 0 {
			return 0, false
		}
		v = sum
	}
	return v, len(word) > 0
}
