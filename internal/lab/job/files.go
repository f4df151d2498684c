package job

import (
	"fmt"
	"os"

	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

// Files is what the commands of an experiment see of its folder.
type Files struct {
	Dir    string   // the folder, on this machine or on the one that it was packed on
	Copies *os.File // of sandbox.Pack; nil: nothing
}

// Show packs what a script names.
func Show(s *script.Script) (Files, error) {
	switch {
	case s.Dir != "":
	case s.Files == nil:
		return Files{}, nil
	default:
		return Files{}, &Failure{"it names files, and is itself in no folder", ""}
	}
	copies, err := sandbox.Pack(s.Dir, s.Files, s.Mentioned())
	if err != nil {
		return Files{}, &Failure{fmt.Sprintf("show files of the script: %v", err), "files NAME… takes files and folders below the script's folder, none of them hidden"}
	}
	return Files{s.Dir, copies}, nil
}

// Close lets go of the copies.
func (f Files) Close() {
	if f.Copies != nil {
		f.Copies.Close() // it is memory
	}
}
