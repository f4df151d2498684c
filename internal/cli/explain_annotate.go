package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/files"
)

// annotations are what is written into a copy of captures, by file and packet.
type annotations []map[int]string

// maxAnnotations bounds the packets of each file that get words.
const maxAnnotations = 1 << 20

func newAnnotations(files int) annotations {
	a := make(annotations, files)
	for i := range a {
		a[i] = map[int]string{}
	}
	return a
}

func (a annotations) comment(file, number int, text string) {
	if old, ok := a[file][number]; ok {
		text = old + "\n" + text
	} else if len(a[file]) >= maxAnnotations {
		return
	}
	a[file][number] = text
}

// write copies the files into one, with what was found out about their packets.
func (a annotations) write(path string, captures []string, r *answer.Explanation) error {
	if slices.ContainsFunc(captures, func(name string) bool { return same(name, path) }) {
		return &usageError{"--annotate would write over " + path, "name another file"}
	}
	a.addVerdicts(r)
	out, err := files.Create(path, 0o600)
	if err != nil {
		return fmt.Errorf("annotate: %w", err)
	}
	for i, name := range captures {
		if err := a.copy(out, i, name, addressNames(r)); err != nil {
			out.Close()
			return err
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("annotate: %w", err)
	}
	return nil
}

// copy adds one file. Damage in it is reported by the answer.
func (a annotations) copy(out *os.File, i int, name string, names map[netip.Addr]string) error {
	in, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("annotate: %w", err)
	}
	defer in.Close()
	err = capture.Annotate(out, in, name, capture.Words{
		Comment: func(number int) string { return a[i][number] },
		Names:   names,
	})
	if _, damaged := errors.AsType[*capture.DamageError](err); damaged {
		return nil
	}
	return err
}

// addVerdicts adds the verdict of each connection to its first packet.
func (a annotations) addVerdicts(r *answer.Explanation) {
	for i := range r.Connections {
		c := &r.Connections[i]
		if len(c.Evidence) == 0 {
			continue
		}
		first := c.Evidence[0]
		a.comment(max(0, first.Of-1), first.Packet, "listenq: "+c.Fate())
	}
}

// addressNames names the hosts of listeners by what is the matter with them.
func addressNames(r *answer.Explanation) map[netip.Addr]string {
	names := map[netip.Addr]string{}
	for i := range r.Listeners {
		address, err := netip.ParseAddrPort(r.Listeners[i].Address)
		if err != nil || names[address.Addr()] != "" {
			continue
		}
		names[address.Addr()] = fmt.Sprintf("%s-%s", address.Addr(), r.Listeners[i].Finding)
	}
	return names
}

// same reports that two paths are of one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
