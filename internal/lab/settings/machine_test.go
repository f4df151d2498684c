package settings_test

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"listenq/internal/kernel"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/script"
	"listenq/internal/lab/settings"
)

// newNetns returns a network namespace that nobody else has.
func newNetns(t *testing.T) *os.File {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a network namespace")
	}
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	var made *os.File
	err = kernel.InNetns(int(here.Fd()), func() error { // which comes back from a new one, too
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		made, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

// TestMachine writes settings where the machine's would be, and writes them back.
func TestMachine(t *testing.T) {
	netns := newNetns(t)
	value := func() (text string) {
		err := kernel.InNetns(int(netns.Fd()), func() error {
			data, err := os.ReadFile(settings.Path("net.ipv4.tcp_synack_retries"))
			text = strings.TrimSpace(string(data))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := value()
	m := settings.NewMachine(netns)
	for _, v := range []string{"1", "2"} {
		if err := m.Set("net.ipv4.tcp_synack_retries", v); err != nil || value() != v {
			t.Errorf("set to %s: %v, it is %s", v, err, value())
		}
	}
	if err := m.Set("net.ipv4.tcp_no_such", "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a setting that there is not: %v", err)
	}
	if err := m.Restore(); err != nil || value() != before {
		t.Errorf("restored: %v, %s, want %s", err, value(), before)
	}
	var none *settings.Machine
	if err := none.Set("net.ipv4.tcp_synack_retries", "3"); !errors.Is(err, fs.ErrNotExist) || value() != before {
		t.Errorf("where none may be set: %v, %s", err, value())
	}
	if err := none.Restore(); err != nil {
		t.Error(err)
	}
}

// TestMachineWide tells the settings of the machine from those of namespaces: limits on
// the memory of TCP are all that experiments could write which no kernel has for each.
func TestMachineWide(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make a network namespace")
	}
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var all []*script.Script
	for _, set := range []string{"net.ipv4.tcp_max_orphans 1000", "net.ipv4.tcp_synack_retries 1", "may fail net.ipv4.tcp_no_such 1"} {
		s, err := script.Parse("x", []byte("# X.\nsysctl "+set+"\nserver backlog 1 accept all\n"), facts.All())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	wide, err := settings.MachineWide(all)
	if err != nil || !slices.Contains(wide, "net.ipv4.tcp_max_orphans") || slices.Contains(wide, "net.ipv4.tcp_synack_retries") || slices.Contains(wide, "net.ipv4.tcp_no_such") {
		t.Errorf("%q, %v", wide, err)
	}
	if after, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || after != before {
		t.Errorf("it went on in %s (%v), not %s", after, err, before)
	}
}
