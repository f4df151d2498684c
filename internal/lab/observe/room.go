package observe

import (
	"fmt"
	"io"

	"listenq/internal/lab/job"
)

// Room is what is left for a recording. What would go beyond it is not written, and ends
// the experiment: a command inside may send as much as it likes.
type Room struct {
	limit, left int64
	full        func() // called when it is used up
}

func NewRoom(limit int64, full func()) *Room { return &Room{limit, limit, full} }

// take reserves n bytes; the error says that there is no room for them.
func (r *Room) take(n int) error {
	if int64(n) > r.left {
		r.left = 0
		r.full()
		return job.Fail(fmt.Sprintf("the recording has reached its limit of %d MiB", r.limit>>20), "--limit MIB lets it become larger")
	}
	r.left -= int64(n)
	return nil
}

// within is a writer that writes what there is room for, each Write whole or not at all.
type within struct {
	*Room
	to io.Writer
}

func (w within) Write(b []byte) (int, error) {
	if err := w.take(len(b)); err != nil {
		return 0, err
	}
	return w.to.Write(b)
}
