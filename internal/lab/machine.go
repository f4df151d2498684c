package lab

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

// machine are the settings that this kernel has for the whole machine, where later ones
// have them for each network namespace. Only a guest, which is ours alone, gives them to
// an experiment; it runs one at a time then.
type machine struct {
	netns  *os.File // the first network namespace, which shows them
	before []machineSetting
}

type machineSetting struct{ name, value string }

// machine is what the job may set beyond its own namespaces; nil: nothing.
func (j job) machine() *machine {
	if !j.Machine {
		return nil
	}
	return &machine{netns: os.NewFile(fdMachine, "first network namespace")}
}

// set writes a setting of the whole machine. The error is fs.ErrNotExist if there is none
// of that name, or none may be set here.
func (m *machine) set(name, value string) error {
	if m == nil {
		return fs.ErrNotExist
	}
	path := sysctlPath(name)
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

// restore writes back what set has changed.
func (m *machine) restore() error {
	if m == nil {
		return nil
	}
	return kernel.InNetns(int(m.netns.Fd()), func() error {
		var errs []error
		for _, s := range slices.Backward(m.before) {
			errs = append(errs, os.WriteFile(sysctlPath(s.name), []byte(s.value), 0))
		}
		m.before = nil
		return errors.Join(errs...)
	})
}

// machineWide returns which of the settings that experiments write, by default or as a
// script says, this kernel has for the whole machine alone. It needs CAP_SYS_ADMIN.
func machineWide(scripts []*script.Script) ([]string, error) {
	names := []string{}
	for _, s := range settings {
		names = append(names, s.name)
	}
	for _, s := range scripts {
		for _, step := range s.Steps {
			if do, ok := step.Do.(script.Sysctl); ok {
				names = append(names, do.Name)
			}
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return hiddenSetting([]string{name}) != "" })
	here, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	err = kernel.InNetns(int(here.Fd()), func() error { // which comes back from a new one, too
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace: %w", err)
		}
		names = slices.DeleteFunc(names, func(name string) bool { return hiddenSetting([]string{name}) == "" })
		return nil
	})
	return names, err
}
