package script

import (
	"regexp"
	"slices"
)

// Programs are the commands that the script runs, by the names that it gives them: those
// of its steps, and of a shell's -c those that begin a command there.
func (s *Script) Programs() []string {
	var all []string
	for command := range s.commands {
		all = append(all, command[0])
		if len(command) == 3 && command[1] == "-c" && (command[0] == "sh" || command[0] == "bash") {
			for _, m := range beginsCommand.FindAllStringSubmatch(command[2], -1) {
				all = append(all, m[1])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// beginsCommand finds the words of a shell script that begin a command.
var beginsCommand = regexp.MustCompile(`(?:^|[;&|({\n]|\bthen\b|\bdo\b)\s*(?:exec\s+)?([A-Za-z][\w.+-]*)(?:\s|$)`)
