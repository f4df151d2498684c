package lab

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"listenq/internal/answer"
	"listenq/internal/record"
)

// sweep measures the bursts around the limit and around the edge that was found,
// to the end of what clients feel.
func (b *burst) sweep(ctx context.Context, found int) error {
	limit := *b.answer.Limit
	sizes := []int{limit, limit + 1, limit + 2, found, found + 1, found + 2, 2 * found}
	sizes = slices.DeleteFunc(sizes, func(n int) bool { return n < 1 || n > b.Clients })
	slices.Sort(sizes)
	var group errgroup.Group
	group.SetLimit(b.jobs())
	for _, clients := range slices.Compact(sizes) {
		group.Go(func() error {
			run, err := b.run(ctx, burstRun{clients: clients, backlog: b.Backlog, patient: true, out: b.answer.Recordings})
			if err == nil {
				b.addRow(run)
			}
			return err
		})
	}
	return group.Wait()
}

// showBounds puts the bursts that the answer's bounds come from into the table, where a burst of
// that size is not there or went otherwise. They may be of the search, which does not wait.
func (b *burst) showBounds() {
	for clean, row := range b.bounds {
		if !slices.ContainsFunc(b.answer.Rows, func(r answer.BurstRow) bool { return r.Clients == row.Clients && r.Clean == clean }) {
			b.addRow(row)
		}
	}
}

// jobs is how many bursts may be measured at the same time, as most of it is
// waiting: one, where it is the CPU that decides how many a server takes.
func (b *burst) jobs() int {
	if b.Accept == Never {
		return 2 * runtime.NumCPU()
	}
	return 1
}

func (b *burst) addRow(row answer.BurstRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer.Rows = append(b.answer.Rows, row)
	slices.SortFunc(b.answer.Rows, func(x, y answer.BurstRow) int {
		return cmp.Or(cmp.Compare(x.Clients, y.Clients), cmp.Compare(x.Dropped, y.Dropped))
	})
}

// findBacklog finds the smallest backlog for the wanted burst. It begins with the
// rule that was measured: so many more than the limit fit.
func (b *burst) findBacklog(ctx context.Context) error {
	tried := map[int]answer.BurstRow{}
	rule := b.answer.Largest.Least - *b.answer.Limit
	more, err := edge(rule, b.Want, func(more int) (bool, error) {
		backlog := b.Want - more
		row, err := b.run(ctx, burstRun{clients: b.Want, backlog: backlog, out: b.answer.Recordings})
		tried[backlog] = row
		return row.Clean, err
	})
	if err == nil {
		b.answer.Want = wanted(b.Want, b.Want-more, tried)
	}
	return err
}

// wanted says that a backlog is the smallest, and whether the runs show it.
func wanted(clients, backlog int, tried map[int]answer.BurstRow) *answer.BurstWant {
	want := &answer.BurstWant{Clients: clients, Rows: []answer.BurstRow{}}
	less, ranLess := tried[backlog-1]
	enough, ran := tried[backlog]
	if ranLess {
		want.Rows = append(want.Rows, less)
	}
	if ran {
		want.Rows = append(want.Rows, enough)
		want.Backlog = &backlog
		want.Verified = ranLess || backlog == 0
	}
	return want
}

// makeFolder makes the folder for the recordings.
func (b *burst) makeFolder() error {
	b.answer.Recordings = b.Out
	if b.Out != "" {
		return nil // each recording makes it
	}
	dir, err := record.MakeFolder("", "burst")
	if err != nil {
		return err
	}
	b.answer.Recordings = dir.Path
	return dir.Close()
}
