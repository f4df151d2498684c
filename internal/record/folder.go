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
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of a recording.
const (
	MetaFile     = "meta.json"
	PacketsFile  = "packets.pcapng"
	EventsFile   = "events.jsonl"
	ResultFile   = "result.json"
	ScenarioFile = "scenario.lab"
)

// Meta says where a recording comes from.
type Meta struct {
	Schema      string                       `json:"schema"` // listenq/recording/v1
	Tool        string                       `json:"tool"`
	Kernel      string                       `json:"kernel"`
	Started     time.Time                    `json:"started"`
	Command     []string                     `json:"command"`
	Scenario    string                       `json:"scenario"`
	Network     string                       `json:"network,omitempty"`
	Tick        Milliseconds                 `json:"tick_ms,omitempty"`
	Sysctls     map[string]map[string]string `json:"sysctls,omitempty"`         // by side, as they were at the end
	TCPInfo     []string                     `json:"tcp_info_fields,omitempty"` // all that this kernel gives; in events.jsonl those that are 0 are left out
	UserNS      bool                         `json:"user_namespace"`
	NotIsolated []string                     `json:"not_isolated,omitempty"` // what a kernel cannot keep apart
	Incomplete  string                       `json:"incomplete,omitempty"`   // why the recording was cut short
}

// MetaSchema names the form of meta.json.
const MetaSchema = "listenq/recording/v1"

// Folder is a recording that is being written.
type Folder struct {
	Path    string
	Packets *os.File
	Events  *os.File
}

// Create makes a folder for a recording of the given script: of that name below
// parent, with a number behind it if there is one already; or, if parent is
// empty, among the system's temporary files.
func Create(parent, name string, script []byte) (*Folder, error) {
	path, err := MakeFolder(parent, name)
	if err != nil {
		return nil, err
	}
	f := &Folder{Path: path}
	if err := os.WriteFile(filepath.Join(path, ScenarioFile), script, 0o644); err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	if f.Packets, err = os.Create(filepath.Join(path, PacketsFile)); err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	if f.Events, err = os.Create(filepath.Join(path, EventsFile)); err != nil {
		f.Packets.Close()
		return nil, fmt.Errorf("create recording: %w", err)
	}
	return f, nil
}

// MakeFolder makes a folder where Create would, and returns its path.
func MakeFolder(parent, name string) (string, error) {
	if parent == "" {
		path, err := os.MkdirTemp("", "listenq-"+name+"-")
		if err != nil {
			return "", fmt.Errorf("create recording: %w", err)
		}
		return path, os.Chmod(path, 0o755)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("create recording: %w", err)
	}
	path := filepath.Join(parent, name)
	err := os.Mkdir(path, 0o755)
	for n := 2; errors.Is(err, fs.ErrExist); n++ {
		path = filepath.Join(parent, fmt.Sprintf("%s-%d", name, n))
		err = os.Mkdir(path, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("create recording: %w", err)
	}
	return path, nil
}

// Close writes meta.json and result.json and closes the other files. It tries
// all of them and returns the first error.
func (f *Folder) Close(meta Meta, run Run) error {
	meta.Schema = MetaSchema
	return firstError(
		writeJSON(filepath.Join(f.Path, MetaFile), meta),
		writeJSON(filepath.Join(f.Path, ResultFile), run),
		f.Packets.Close(),
		f.Events.Close(),
	)
}

// Discard removes what Create made, for want of anything to record.
func (f *Folder) Discard() error {
	return firstError(
		f.Packets.Close(),
		f.Events.Close(),
		os.Remove(filepath.Join(f.Path, ScenarioFile)),
		os.Remove(filepath.Join(f.Path, PacketsFile)),
		os.Remove(filepath.Join(f.Path, EventsFile)),
		os.Remove(f.Path),
	)
}

// WriteResult writes a run into its recording once more, after that was moved.
func WriteResult(run Run) error {
	return writeJSON(filepath.Join(run.Recording, ResultFile), run)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
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
