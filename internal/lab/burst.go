package lab

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"listenq/internal/answer"
)

// BurstOptions say which server meets bursts of which size.
type BurstOptions struct {
	Options          // of each experiment; Out is the folder for the recordings of the rows
	Exec    string   // the server's command, as in a script; "": a server of ours
	Dir     string   // where the command runs
	Backlog int      // of our server
	Accept  string   // its accept policy during the burst; a command knows "" (its own) and Never
	Sysctls []string // NAME VALUE
	Send    string   // what a client sends when it is connected; "": nothing
	Clients int      // the largest burst that is tried
	Want    int      // find the smallest backlog for a burst of so many, too; 0: do not
}

// Never is the accept policy that calls accept() only after the burst. A command
// is stopped meanwhile.
const Never = "never"

// burst is a search under way. Rows may be measured at the same time: mu.
type burst struct {
	BurstOptions
	scratch string // for the recordings that nobody will look at

	mu     sync.Mutex
	answer answer.Burst
	least  int                      // the smallest burst that had a drop
	most   int                      // the largest that had none
	bounds map[bool]answer.BurstRow // those two, by whether they were clean
}

// FindBurst finds the largest burst that a server takes without a dropped packet,
// and what happens beyond it. Each try is an experiment with a fresh server. With
// an error the answer is what was found so far.
func FindBurst(ctx context.Context, o BurstOptions) (answer.Burst, error) {
	began := time.Now()
	b := &burst{BurstOptions: o, least: o.Clients + 1, bounds: map[bool]answer.BurstRow{}}
	b.answer = answer.Burst{
		Schema: answer.BurstSchema, Server: o.serverStep(o.Backlog), Stopped: o.stops(), Clients: o.Clients,
		Searches: []int{}, Rows: []answer.BurstRow{},
	}
	if o.Backlog > somaxconn && o.Exec == "" {
		b.answer.Somaxconn = o.Backlog
	}
	err := b.find(ctx)
	b.answer.Duration = answer.MS(time.Since(began))
	return b.answer, err
}

func (b *burst) find(ctx context.Context) (err error) {
	if b.scratch, err = os.MkdirTemp("", "listenq-burst-search-"); err != nil {
		return fmt.Errorf("find burst: %w", err)
	}
	defer os.RemoveAll(b.scratch)
	found, err := b.search(ctx)
	if err != nil {
		return err
	}
	if err := b.makeFolder(); err != nil {
		return err
	}
	err = b.sweep(ctx, found)
	b.showBounds()
	if err != nil || b.Want == 0 {
		return err
	}
	return b.findBacklog(ctx)
}

// searches is how often the largest burst is searched for where two searches do
// not agree.
const searches = 3

// search finds the edge between bursts without and with a drop, twice, and again
// if that gave two answers. The first burst, of one, shows the limit.
func (b *burst) search(ctx context.Context) (found int, err error) {
	holds := func(clients int) (bool, error) {
		row, err := b.run(ctx, burstRun{clients: clients, backlog: b.Backlog, out: b.scratch})
		return row.Clean, err
	}
	if _, err := holds(1); err != nil {
		return 0, err
	}
	found = min(*b.answer.Limit+1, b.Clients)
	for i := 0; i < 2 || i < searches && !b.agreed(); i++ {
		if found, err = edge(found, b.Clients, holds); err != nil {
			return found, err
		}
		b.answer.Searches = append(b.answer.Searches, found)
	}
	return found, nil
}

// agreed reports whether no burst was taken that is larger than one that was not.
func (b *burst) agreed() bool { return b.most == b.least-1 }

// edge finds the largest n up to most for which holds is true, if it is so up to
// some number and false beyond. It looks near guess first, goes on in steps that
// double, and halves what is left.
func edge(guess, most int, holds func(n int) (bool, error)) (int, error) {
	low, high := 0, most+1 // it holds for low, and not for high
	for at, step := min(max(guess, 1), most), 1; high-low > 1; step *= 2 {
		ok, err := holds(at)
		if err != nil {
			return low, err
		}
		if ok {
			low = at
		} else {
			high = at
		}
		switch {
		case high > most:
			at = min(low+step, most)
		case low == 0:
			at = max(high-step, 1)
		default:
			at = (low + high) / 2
		}
	}
	return low, nil
}
