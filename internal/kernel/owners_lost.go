package kernel

import (
	"fmt"
	"time"

	"listenq/internal/queue"
)

// lost counts listeners without processes, by why that is.
type lost struct{ kernels, unsearched, unowned int }

func (n *lost) add(l *queue.Listener, known *owned) {
	switch {
	case len(known.processes) > 0:
	case l.Inode == 0:
		n.kernels++
	case !known.searched:
		n.unsearched++
	default:
		n.unowned++
	}
}

// tell is what is missing after a search that took that long and might not look at
// so many processes.
func (n lost) tell(cost time.Duration, denied int, root bool) (all []queue.Missing) {
	add := func(n int, why, hint string) {
		if n > 0 {
			all = append(all, queue.Missing{What: "processes of " + count(n, "listener", "listeners"), Why: why, Hint: hint})
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
