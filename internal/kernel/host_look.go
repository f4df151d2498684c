package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// lookEvery is how often a Host looks for network namespaces at most; where that
// takes long, it takes a hundredth of the time (lookShare).
const (
	lookEvery = time.Second
	lookShare = 100
)

// look finds the namespaces that have come, and closes those that nothing but
// this Host keeps any more.
func (h *Host) look(now time.Duration) {
	if now < h.lookAt {
		return
	}
	started := threadTime()
	h.missing = h.missing[:0]
	if h.options.Namespaces {
		h.lookAround()
	}
	h.missing = append(h.missing, h.losses()...)
	h.lookAt = now + max(lookEvery, lookShare*(threadTime()-started))
}

func (h *Host) lookAround() {
	s, err := surveyNetns()
	if err != nil {
		h.missing = append(h.missing, queue.Missing{What: "other network namespaces", Why: err.Error()})
		return
	}
	h.closeGone(s)
	failed := refusals{}
	for _, f := range s.found {
		if _, have := slices.BinarySearchFunc(h.namespaces[1:], f.id, byID); have || f.id == h.namespaces[0].id {
			continue
		}
		n, err := openNetns(f, h.in)
		switch {
		case err == nil:
			h.namespaces = append(h.namespaces, n)
			slices.SortFunc(h.namespaces[1:], func(a, b *netns) int { return cmp.Compare(a.id, b.id) })
		case !vanished(err):
			failed.add(err)
		}
	}
	for _, n := range h.namespaces {
		delete(s.hidden, n.inode)
	}
	h.missing = append(h.missing, failed.missing(len(s.hidden))...)
}

func byID(n *netns, id queue.NetnsID) int { return cmp.Compare(n.id, id) }

// vanished reports whether an error is because of a process that has gone.
func vanished(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) }

// closeGone closes the namespaces but the first that the survey did not find.
func (h *Host) closeGone(s *survey) {
	h.namespaces = slices.DeleteFunc(h.namespaces, func(n *netns) bool {
		_, found := slices.BinarySearchFunc(s.found, n.id, func(f foundNetns, id queue.NetnsID) int { return cmp.Compare(f.id, id) })
		gone := !found && n != h.namespaces[0]
		if gone {
			n.close() // nothing is written through it, so nothing is lost
		}
		return gone
	})
}

// refusals are the namespaces that could not be opened, by why.
type refusals map[string]*refusal

type refusal struct {
	err   error
	count int
}

func (r refusals) add(err error) {
	key := err.Error()
	var errno unix.Errno
	if errors.As(err, &errno) { // without the path
		key = errno.Error()
	}
	if r[key] == nil {
		r[key] = &refusal{err: err}
	}
	r[key].count++
}

// missing lists them, and those that are hidden.
func (r refusals) missing(hidden int) (all []queue.Missing) {
	if hidden > 0 {
		all = append(all, queue.Missing{
			What: otherNamespaces(hidden),
			Why:  "the network namespaces of other users' processes cannot be read",
			Hint: "run as root (CAP_SYS_PTRACE, CAP_SYS_ADMIN)",
		})
	}
	for _, f := range r {
		m := queue.Missing{What: otherNamespaces(f.count), Why: f.err.Error()}
		switch {
		case errors.Is(f.err, unix.EPERM), errors.Is(f.err, unix.EACCES):
			m.Hint = "run as root (CAP_SYS_ADMIN)"
		case errors.Is(f.err, unix.EMFILE):
			m.Hint = "raise the limit on open files (ulimit -n): four for each namespace"
		}
		all = append(all, m)
	}
	slices.SortFunc(all, byText)
	return all
}

func otherNamespaces(n int) string {
	if n == 1 {
		return "1 other network namespace"
	}
	return fmt.Sprintf("%d other network namespaces", n)
}

// losses lists what is missing in namespaces without sock_diag.
func (h *Host) losses() (all []queue.Missing) {
	counts := map[queue.Missing]int{}
	for _, n := range h.namespaces {
		if n.lost != nil {
			counts[queue.Missing{Why: n.lost.why.Error() + "; /proc/net/tcp shows no more", Hint: n.lost.hint}]++
		}
	}
	for m, n := range counts {
		m.What = "limits, drops and waits of listeners"
		if len(h.namespaces) > 1 {
			m.What += fmt.Sprintf(" in %d of %d network namespaces", n, len(h.namespaces))
		}
		all = append(all, m)
	}
	slices.SortFunc(all, byText)
	return all
}

func byText(a, b queue.Missing) int {
	return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Why, b.Why))
}
