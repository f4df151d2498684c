package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"listenq/internal/kernel"
	"listenq/internal/lab/script"
)

// Machine are the settings that this kernel has for the whole machine, where later ones
// have them for each network namespace. Only a guest, which is ours alone, gives them to
// an experiment; it runs one at a time then.
type Machine struct {
	netns  *os.File // the first network namespace, which shows them
	before []machineSetting
}

// NewMachine writes the settings that the first network namespace shows.
func NewMachine(netns *os.File) *Machine { return &Machine{netns: netns} }

type machineSetting struct{ name, value string }

// Set writes a setting of the whole machine. The error is fs.ErrNotExist if there is none
// of that name, or none may be set here.
func (m *Machine) Set(name, value string) error {
	if m == nil {
		return fs.ErrNotExist
	}
	path := Path(name)
	return kernel.InNetns(int(m.netns.Fd()), func() error {
		was, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return err
		}
		m.before = append(m.before, machineSetting{name, strings.TrimSpace(string(was))})
		return nil
	})
}

// Restore writes back what set has changed.
func (m *Machine) Restore() error {
	if m == nil {
		return nil
	}
	return kernel.InNetns(int(m.netns.Fd()), func() error {
		var errs []error
		for _, s := range slices.Backward(m.before) {
			errs = append(errs, os.WriteFile(Path(s.name), []byte(s.value), 0))
		}
		m.before = nil
		return errors.Join(errs...)
	})
}

// MachineWide returns which of the settings that experiments write, by default or as a
// script says, this kernel has for the whole machine alone. It needs CAP_SYS_ADMIN.
func MachineWide(scripts []*script.Script) ([]string, error) {
	names := []string{}
	for _, s := range All {
		names = append(names, s.Name)
	}
	for _, s := range scripts {
		for _, step := range s.Steps {
			if do, ok := step.Do.(script.Sysctl); ok {
				names = append(names, do.Name)
			}
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return Hidden([]string{name}) != "" })
	here, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	err = kernel.InNetns(int(here.Fd()), func() error { // which comes back from a new one, too
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return Hidden([]string{name}) == "" })
		return nil
	})
	return names, err
}
