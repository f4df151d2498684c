package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"listenq/internal/answer"
	"listenq/internal/queue"
)

// SamplesFile is what a host showed, one queue.Sample a line.
const SamplesFile = "samples.jsonl"

// SamplesKind is the kind of a recording that holds samples of a host.
const SamplesKind = "samples"

// SamplesMeta is the meta.json of such a recording.
type SamplesMeta struct {
	Schema  string    `json:"schema"` // MetaSchema
	Kind    string    `json:"kind"`   // SamplesKind
	Tool    string    `json:"tool"`
	Host    string    `json:"host,omitempty"`
	Kernel  string    `json:"kernel"`
	Started time.Time `json:"started"` // of the first sample
}

// Samples is a recording of a host.
type Samples struct {
	Meta SamplesMeta
	All  []queue.Sample // oldest first
}

// What a reader takes: a recording may come from anywhere. A host has fewer listeners, and
// top saves 300,000 rows at most.
const (
	maxMeta      = 1 << 20   // bytes of meta.json
	maxSamples   = 256 << 20 // bytes of samples.jsonl
	maxLine      = 32 << 20  // bytes of one of its lines
	maxCount     = 1 << 14   // samples
	maxListeners = 1 << 16   // of one sample
	maxSpaces    = 1 << 14   // namespaces of one sample
	maxNames     = 4096      // counters of one namespace
	maxCounters  = 16 << 20  // values, of all lines and namespaces
	maxKept      = 224 << 20 // bytes of memory that all samples take
)

// ErrNoSamples says that a folder is no recording of a host.
var ErrNoSamples = errors.New("not a recording of a host's listeners")

// WriteSamples writes a recording into a new folder: of that name below parent,
// or among the system's temporary files if parent is empty. It returns its path.
func WriteSamples(parent, name string, meta SamplesMeta, all []queue.Sample) (string, error) {
	dir, err := MakeFolder(parent, name)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	meta.Schema, meta.Kind = MetaSchema, SamplesKind
	if len(all) > 0 {
		meta.Kernel, meta.Started = all[0].Kernel, all[0].Time
	}
	f, err := dir.Create(SamplesFile)
	if err != nil {
		return "", fmt.Errorf("create recording: %w", err)
	}
	return dir.Path, firstError(
		encodeSamples(f, all),
		f.Close(),
		writeJSON(dir, MetaFile, meta),
	)
}

func encodeSamples(w io.Writer, all []queue.Sample) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	before := namespaces{}
	for i := range all {
		if err := enc.Encode(sampleLine(&all[i], before)); err != nil {
			return fmt.Errorf("write recording: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// ReadSamples reads a recording. Its contents are not trusted: lines and their
// number are limited, and what makes no sense is an error that names its line.
func ReadSamples(dir string) (Samples, error) {
	var s Samples
	err := readMeta(dir, &s.Meta)
	if err != nil {
		return Samples{}, err
	}
	f, err := Open(dir, SamplesFile)
	if err != nil {
		return Samples{}, err
	}
	defer f.Close()
	s.All, err = decodeSamples(f)
	return s, err
}

func readMeta(dir string, meta *SamplesMeta) error {
	text, err := read(dir, MetaFile, maxMeta)
	if err != nil {
		return err
	}
	if err := answer.DecodeVerbatim(text, MetaFile, meta); err != nil {
		return err
	}
	if meta.Schema != MetaSchema {
		return fmt.Errorf("read %s: schema %q is not %q, the one known here", MetaFile, meta.Schema, MetaSchema)
	}
	if meta.Kind != SamplesKind {
		return fmt.Errorf("read %s: %w", MetaFile, ErrNoSamples)
	}
	return nil
}

func decodeSamples(r io.Reader) ([]queue.Sample, error) {
	limited := &io.LimitedReader{R: r, N: maxSamples + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxLine)
	d := decoder{before: namespaces{}, counters: maxCounters, memory: maxKept}
	var all []queue.Sample
	for n := 1; lines.Scan(); n++ {
		if n > maxCount {
			return nil, fmt.Errorf("read %s: more than %d samples", SamplesFile, maxCount)
		}
		at := fmt.Sprintf("%s:%d", SamplesFile, n)
		s, err := d.sample(lines.Bytes(), at)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && s.T <= all[len(all)-1].T {
			return nil, fmt.Errorf("read %s: its time is not after that of the line before", at)
		}
		all = append(all, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s:%d: %w", SamplesFile, len(all)+1, err)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("read %s: larger than %d bytes", SamplesFile, maxSamples)
	}
	return all, nil
}
