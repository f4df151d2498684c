package lab

import (
	"fmt"
	"os"

	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

// shown is what the commands of an experiment see of its folder.
type shown struct {
	dir    string   // the folder, on this machine or on the one that it was packed on
	copies *os.File // of sandbox.Pack; nil: nothing
}

// show packs what a script names.
func show(s *script.Script) (shown, error) {
	switch {
	case s.Dir != "":
	case s.Files == nil:
		return shown{}, nil
	default:
		return shown{}, &Failure{"it names files, and is itself in no folder", ""}
	}
	copies, err := sandbox.Pack(s.Dir, s.Files, s.Mentioned())
	if err != nil {
		return shown{}, &Failure{fmt.Sprintf("show files of the script: %v", err), "files NAME… takes files and folders below the script's folder, none of them hidden"}
	}
	return shown{s.Dir, copies}, nil
}

// close lets go of the copies.
func (f shown) close() {
	if f.copies != nil {
		f.copies.Close() // it is memory
	}
}
