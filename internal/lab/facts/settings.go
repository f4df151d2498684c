package facts

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/lab/settings"
)

// Settings reads them. It changes nothing.
func Settings() []answer.Setting {
	var all []answer.Setting
	for _, s := range settings.All {
		now := answer.Setting{Name: s.Name, Experiments: s.Value, Meaning: s.Meaning}
		readSetting(&now)
		all = append(all, now)
	}
	return all
}

func readSetting(s *answer.Setting) {
	value, err := os.ReadFile(settings.Path(s.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.UnknownBecause = "this kernel has no such setting here"
	case err != nil:
		s.UnknownBecause = err.Error()
	default:
		s.Value = strings.Join(strings.Fields(string(value)), " ")
	}
}
