package kernel

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"listenq/internal/queue"
)

// lost are listeners without processes, by why that is.
type lost struct{ kernels, unsearched, unowned unknown }

// unknown are listeners, of which the first are named.
type unknown struct {
	n     int
	first [3]netip.AddrPort
}

func (u *unknown) add(at netip.AddrPort) {
	if u.n < len(u.first) {
		u.first[u.n] = at
	}
	u.n++
}

// String names the first, and counts the others.
func (u unknown) String() string {
	var names []string
	for _, at := range u.first[:min(u.n, len(u.first))] {
		names = append(names, at.String())
	}
	text := strings.Join(names, ", ")
	if more := u.n - len(names); more > 0 {
		text += fmt.Sprintf(" and of %d more", more)
	}
	return text
}

func (n *lost) add(l *queue.Listener, known *owned) {
	switch {
	case len(known.processes) > 0:
	case l.Inode == 0:
		n.kernels.add(l.Address)
	case !known.searched:
		n.unsearched.add(l.Address)
	default:
		n.unowned.add(l.Address)
	}
}

// report returns what is missing after a search that took that long and might not look at
// so many processes.
func (n lost) report(cost time.Duration, denied int, root bool) (all []queue.Missing) {
	add := func(u unknown, why, hint string) {
		if u.n > 0 {
			all = append(all, queue.Missing{What: "processes of " + u.String(), Why: why, Hint: hint, Owners: true})
		}
	}
	add(n.kernels, "no file belongs to it: it is the kernel's own, or being closed", "")
	add(n.unsearched, fmt.Sprintf("not yet searched for: the last search took %d ms, and the next one has to wait", cost.Milliseconds()), "")
	hint := "run as root (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH)"
	if root {
		hint = "look at the capabilities of this root, and at what its security module forbids"
	}
	switch {
	case denied > 0:
		add(n.unowned, "may not look at the descriptors of "+count(denied, "process", "processes"), hint)
	case root:
		add(n.unowned, "the kernel's own, of another PID namespace, or in io_uring alone", "")
	default:
		add(n.unowned, "no process in this /proc has it open; those of others may be hidden", hint)
	}
	return all
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
