package lab

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"listenq/internal/answer"
)

// hostSettings reads them. It changes nothing.
func hostSettings() []answer.Setting {
	var all []answer.Setting
	for _, s := range settings {
		now := answer.Setting{Name: s.name, Experiments: s.value, Meaning: s.meaning}
		readSetting(&now)
		all = append(all, now)
	}
	return all
}

func readSetting(s *answer.Setting) {
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
