package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// maxResult is how many bytes of result.json are taken: a hundred times those of the
// largest experiment.
const maxResult = 256 << 20

// ReadRun reads the result of an experiment out of its recording. Nobody knows who
// wrote it: what a terminal may obey is taken out of its texts.
func ReadRun(dir string) (Run, error) {
	var run Run
	f, err := os.Open(filepath.Join(dir, ResultFile))
	if err != nil {
		return run, fmt.Errorf("read recording: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxResult+1))
	switch {
	case err != nil:
		return run, fmt.Errorf("read recording: %w", err)
	case len(text) > maxResult:
		return run, fmt.Errorf("read %s: larger than %d bytes", ResultFile, maxResult)
	}
	if err := json.Unmarshal(tame(text), &run); err != nil {
		return run, fmt.Errorf("read %s: %w", ResultFile, err)
	}
	return run, nil
}

// tame replaces characters of JSON strings that control a terminal or turn the
// direction of text, written out or escaped.
func tame(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		if text[0] == '\\' && len(text) > 1 {
			n := 2
			if text[1] == 'u' {
				n = min(len(text), 6)
			}
			if escapes(text[1:n]) {
				b.WriteString("·")
			} else {
				b.Write(text[:n])
			}
			text = text[n:]
			continue
		}
		r, n := rune(text[0]), 1
		if r >= 0x7f {
			r, n = utf8.DecodeRune(text)
		}
		if r >= 0x7f && active(r) {
			b.WriteString("·")
		} else {
			b.Write(text[:n])
		}
		text = text[n:]
	}
	return b.Bytes()
}

// escapes reports that what follows a backslash stands for a character to replace.
func escapes(text []byte) bool {
	switch text[0] {
	case 'b', 'f', 'r':
		return true
	case 'u':
		r, err := strconv.ParseUint(string(text[1:]), 16, 32)
		return err == nil && r != '\n' && r != '\t' && active(rune(r))
	}
	return false
}

func active(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
