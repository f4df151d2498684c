package script

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Bounds of a script. It may come from anywhere: what it can cost is known before it runs.
const (
	MaxSize        = 64 << 10 // bytes
	MaxLine        = 4 << 10  // bytes
	MaxConnections = 10_000   // in one script
	MaxFlood       = 1_000_000
	MaxFloodRate   = 200_000 // SYNs per second
	MaxWait        = 10 * time.Minute
	MaxSend        = 1 << 20 // bytes
)

// DefaultPort is where a server of ours listens if its step names no port.
const DefaultPort = 8080

// Script is an experiment, checked.
type Script struct {
	Name    string        // as given to Parse
	Title   string        // the first line of the header comment; empty if it has none
	Doc     string        // the rest of it without its fields; paragraphs are separated by an empty line
	Source  string        // where the experiment was published; empty if it does not say
	Takes   time.Duration // how long it takes, as it says; 0: it does not say
	Network Network
	Require []string // facts that have to be true, or nothing of it can be run
	Files   []string // files and folders beside it that its commands read, as it names them
	Steps   []Step
	Text    []byte // what it was parsed from
	Dir     string // the folder of its file; Parse leaves it empty
}

// Mentioned returns all that may name a file in the commands of the script: their words,
// and the parts of these.
func (s *Script) Mentioned() []string {
	var all []string
	for command := range s.commands {
		for _, word := range command {
			all = append(append(all, word), strings.FieldsFunc(word, separates)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// commands yields what the steps execute, as words.
func (s *Script) commands(yield func([]string) bool) {
	for _, step := range s.Steps {
		var command []string
		switch do := step.Do.(type) {
		case ServerExec:
			command = do.Command
		case ClientExec:
			command = do.Command
		}
		if len(command) > 0 && !yield(command) {
			return
		}
	}
}

// separates reports whether a character stands around the name of a file in a word:
// white space, and what means something to a shell or an option.
func separates(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("=:;,'\"`()<>|&${}[]*?!", r)
}

// Network is what joins client and server.
type Network struct {
	Loopback bool // both on lo of one namespace; false: our wire between two
	IPv6     bool
}

// Step is one line of a script.
type Step struct {
	Line int    // from 1
	Text string // the line without its comment
	Do   Action
}

// Fact is a property of the running kernel that a script can put as a condition.
type Fact struct {
	Name    string // a word such as accept_full_drops_syn
	Zero    any    // a value of the fact's type: bool, int, string or time.Duration
	Meaning string
}
