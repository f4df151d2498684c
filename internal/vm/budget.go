package vm

import (
	"context"
	"io"
)

// What a kernel's packages may cost, whatever they say of themselves. Together with
// what unpacking takes, reading one stays below 1 GiB of memory.
const (
	// maxUnpacked bounds what all packages of a kernel unpack to, in bytes, each
	// time that they are gone over. Debian's kernels are of 110 to 410 MB.
	maxUnpacked = 2 << 30
	// maxImage bounds a kernel's image, in bytes. Distributions' are of 7 to 60 MiB.
	maxImage = 128 << 20
	// maxVmlinux bounds an image unpacked, in bytes. Distributions' have 60 MiB.
	maxVmlinux = 128 << 20
	// maxModules bounds the modules that are kept, in bytes, packed and unpacked.
	// Those of a guest have 2 MiB, with debugging information 30.
	maxModules = 64 << 20
	// maxCount bounds how many modules are kept. Guests have up to 20.
	maxCount = 64
	// maxAsked bounds how many modules are looked for.
	maxAsked = 1024
)

// budget is what may still be unpacked, in bytes, and until when.
type budget struct {
	ctx  context.Context
	left int64
}

func newBudget(ctx context.Context) *budget { return &budget{ctx, maxUnpacked} }

// reader reads r until the budget is used up.
func (b *budget) reader(r io.Reader) io.Reader { return &budgeted{r, b} }

type budgeted struct {
	r io.Reader
	*budget
}

func (b *budgeted) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooBig
	}
	return n, err
}
