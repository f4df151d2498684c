package record

import (
	"fmt"
	"os"

	"listenq/internal/answer"
	"listenq/internal/files"
)

// maxResult is how many bytes of result.json are taken: twice those of an experiment with
// as many connections as a script may have.
const maxResult = 32 << 20

// ReadRun reads the result of an experiment out of its recording, as DecodeRun does.
func ReadRun(dir string) (answer.Run, error) {
	text, err := read(dir, ResultFile, maxResult)
	if err != nil {
		return answer.Run{}, err
	}
	return DecodeRun(text)
}

// DecodeRun decodes result.json. Nobody knows who wrote it: what a terminal may obey is
// taken out of its texts, and what would take too much memory is refused.
func DecodeRun(text []byte) (run answer.Run, err error) {
	if len(text) > maxResult {
		return run, fmt.Errorf("read %s: larger than %d bytes", ResultFile, maxResult)
	}
	return run, answer.Decode(text, ResultFile, &run)
}

// Open opens a file of a recording: a regular one, and no link.
func Open(dir, name string) (*os.File, error) {
	f, err := files.OpenIn(dir, name)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return f, nil
}

// Has reports whether a folder has a file of a recording that Open would open.
func Has(dir, name string) bool {
	f, err := files.OpenIn(dir, name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// read reads a file of a recording, which may have so many bytes.
func read(dir, name string, limit int64) ([]byte, error) {
	f, err := Open(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := files.ReadAll(f, limit, name)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return text, nil
}
