package lab

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// Setting is a sysctl that decides what happens at a listen queue, as it is in
// the caller's network namespace.
type Setting struct {
	Name           string `json:"name"`
	Value          string `json:"value,omitempty"`
	Experiments    string `json:"experiments"` // the value that experiments begin with
	Meaning        string `json:"meaning"`
	UnknownBecause string `json:"unknown_because,omitempty"`
}

// hostSettings reads them. It changes nothing.
func hostSettings() []Setting {
	var all []Setting
	for _, s := range settings {
		now := Setting{Name: s.name, Experiments: s.value, Meaning: s.meaning}
		now.read()
		all = append(all, now)
	}
	return all
}

func (s *Setting) read() {
	value, err := os.ReadFile(sysctlPath(s.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.UnknownBecause = "this kernel has no such setting here"
	case err != nil:
		s.UnknownBecause = err.Error()
	default:
		s.Value = strings.Join(strings.Fields(string(value)), " ")
	}
}
