// Package parts runs the part of an experiment that this process is: an experiment is carried
// out by several processes of this program, which know each other by their arguments alone.
//
//	if code, ok := parts.Reexec(os.Args[1:]); ok {
//		os.Exit(code)
//	}
package parts

import (
	"listenq/internal/lab/guest"
	"listenq/internal/lab/inside"
	"listenq/internal/vm"
)

// Reexec does the work of a part if the arguments (without the program's name) say that this
// process is one; then it returns its exit code.
func Reexec(args []string) (code int, ok bool) {
	vm.Reexec(args) // and what a sandbox starts
	if code, ok := guest.Reexec(args); ok {
		return code, true
	}
	return inside.Reexec(args)
}
