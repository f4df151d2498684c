// Package record is the recording of an experiment or an incident: a folder
// that any machine can look at again.
//
//	meta.json         tool, kernel, sysctls, command, what was not isolated
//	packets.pcapng    every frame, with interfaces named client and server
//	events.jsonl      socket states, queues, counters, system calls; one clock
//	result.json       stories and expectations (Run)
//	scenario.lab      the script; reading a recording never runs it
//
// It knows the files and their contents, not how either came about.
package record

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"listenq/internal/answer"
	"listenq/internal/files"
)

// The files of a recording.
const (
	MetaFile     = "meta.json"
	PacketsFile  = "packets.pcapng"
	EventsFile   = "events.jsonl"
	ResultFile   = "result.json"
	ScenarioFile = "scenario.lab"
)

// Files are all of them.
func Files() []string { return []string{MetaFile, PacketsFile, EventsFile, ResultFile, ScenarioFile} }

// Meta says where a recording comes from.
type Meta struct {
	Schema      string                       `json:"schema"` // listenq/recording/v1
	Tool        string                       `json:"tool"`
	Kernel      string                       `json:"kernel"`
	Started     time.Time                    `json:"started"`
	Command     []string                     `json:"command"`
	Scenario    string                       `json:"scenario"`
	Network     string                       `json:"network,omitempty"`
	Tick        answer.Milliseconds          `json:"tick_ms,omitempty"`
	Sysctls     map[string]map[string]string `json:"sysctls,omitempty"`         // by side, as they were at the end
	TCPInfo     []string                     `json:"tcp_info_fields,omitempty"` // all that this kernel gives; in events.jsonl those that are 0 are left out
	UserNS      bool                         `json:"user_namespace"`
	NotIsolated []string                     `json:"not_isolated,omitempty"` // what a kernel cannot keep apart
	Incomplete  string                       `json:"incomplete,omitempty"`   // why the recording was cut short
}

// MetaSchema names the form of meta.json.
const MetaSchema = "listenq/recording/v1"

// Folder is a recording that is being written, into files that are new and its owner's
// alone, whatever becomes of its path meanwhile.
type Folder struct {
	Path    string
	Packets *os.File
	Events  *os.File
	dir     *files.Dir
}

// Create makes a folder for a recording of the given script, where MakeFolder would.
func Create(parent, name string, script []byte) (*Folder, error) {
	dir, err := MakeFolder(parent, name)
	if err != nil {
		return nil, err
	}
	f := &Folder{Path: dir.Path, dir: dir}
	if err = f.create(script); err != nil {
		return nil, errors.Join(fmt.Errorf("create recording: %w", err), f.Discard())
	}
	return f, nil
}

func (f *Folder) create(script []byte) (err error) {
	scenario, err := f.dir.Create(ScenarioFile)
	if err != nil {
		return err
	}
	_, err = scenario.Write(script)
	if err = firstError(err, scenario.Close()); err != nil {
		return err
	}
	if f.Packets, err = f.dir.Create(PacketsFile); err != nil {
		return err
	}
	f.Events, err = f.dir.Create(EventsFile)
	return err
}

// MakeFolder makes a folder that its owner alone may enter: of that name below parent,
// with a number behind it if there is one already; or, if parent is empty, among the
// system's temporary files.
func MakeFolder(parent, name string) (*files.Dir, error) {
	if parent == "" {
		parent, name = os.TempDir(), prefix+name+"-"+rand.Text()[:10]
	}
	dir, err := files.MakeDir(parent, name)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	return dir, nil
}

// Close writes meta.json and result.json and closes the other files. It tries
// all of them and returns the first error.
func (f *Folder) Close(meta Meta, run answer.Run) error {
	meta.Schema = MetaSchema
	return firstError(
		writeJSON(f.dir, MetaFile, meta),
		WriteResult(f.dir, run),
		f.Packets.Close(),
		f.Events.Close(),
		f.dir.Close(),
	)
}

// Discard removes what Create made, for want of anything to record.
func (f *Folder) Discard() error {
	var errs []error
	for _, file := range []*os.File{f.Packets, f.Events} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	for _, name := range []string{ScenarioFile, PacketsFile, EventsFile} {
		if err := f.dir.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return firstError(append(errs, f.dir.Discard())...)
}

// WriteResult writes result.json into a new folder.
func WriteResult(dir *files.Dir, run answer.Run) error { return writeJSON(dir, ResultFile, run) }

func writeJSON(dir *files.Dir, name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	f, err := dir.Create(name)
	if err == nil {
		_, err = f.Write(append(text, '\n'))
		err = firstError(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
