package sandbox

import (
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// commandRules makes the Landlock ruleset of commands (landlock(7)): they read and
// execute what the sandbox shows, and write to its private folders and to its devices.
// Each command is in a domain of its own, so that none can look into another or into our
// server. It returns nil where the kernel has no Landlock. It is made once the sandbox's
// root is the root.
func commandRules(names []string, throwaway bool) (*os.File, error) {
	var devices []string
	for _, name := range names {
		devices = append(devices, "/dev/"+name)
	}
	files := landlock.V5
	files.HandledAccessNet = 0 // of the network they may do all
	rules := []landlock.Rule{
		landlock.RODirs("/"),
		landlock.RWDirs("/tmp", "/run", "/var", "/dev/shm").WithRefer(),
		landlock.RWFiles(devices...).WithIoctlDev().IgnoreIfMissing(),
	}
	if throwaway { // the program's file is not below our root; a copy is below none, which is allowed
		rules = append(rules, landlock.ROFiles(Self))
	}
	fd, _, err := files.BestEffort().NewRulesetFD(rules...)
	if err != nil {
		return nil, fmt.Errorf("make Landlock ruleset: %w", err)
	}
	if fd < 0 {
		return nil, nil
	}
	return os.NewFile(uintptr(fd), "ruleset"), nil
}

// confine puts the calling thread, which has set no_new_privs, and what it becomes
// into a domain of that ruleset.
func confine(ruleset int) error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
		return fmt.Errorf("restrict by Landlock: %w", errno)
	}
	return nil
}
