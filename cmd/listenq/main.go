// Command listenq finds, explains and reproduces TCP listen-queue overflow.
package main

import (
	"os"

	"listenq/internal/cli"
	"listenq/internal/lab/parts"
)

// version is set by the build from the tag, if there is one.
var version string

func main() {
	if code, ok := parts.Reexec(os.Args[1:]); ok {
		os.Exit(code)
	}
	os.Exit(cli.Main(cli.Env{
		Args:    os.Args[1:],
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Version: cli.Version(version),
	}))
}
