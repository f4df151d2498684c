package lab

import (
	"fmt"
	"io"
)

// DefaultLimit is how large a recording may become, in bytes. A flood of a million SYNs
// is of 220 MB.
const DefaultLimit = 512 << 20

// room is what is left for a recording. What would go beyond it is not written, and ends
// the experiment: a command inside may send as much as it likes.
type room struct {
	limit, left int64
	full        func() // called when it is used up
}

// take reserves n bytes; the error says that there is no room for them.
func (r *room) take(n int) error {
	if int64(n) > r.left {
		r.left = 0
		r.full()
		return &Failure{fmt.Sprintf("the recording has reached its limit of %d MiB", r.limit>>20), "--limit MIB lets it become larger"}
	}
	r.left -= int64(n)
	return nil
}

// within is a writer that writes what there is room for, each Write whole or not at all.
type within struct {
	*room
	to io.Writer
}

func (w within) Write(b []byte) (int, error) {
	if err := w.take(len(b)); err != nil {
		return 0, err
	}
	return w.to.Write(b)
}
