// Command mutants changes packages in small ways, one at a time, and counts which of the
// changes their own tests notice: comparisons are turned round and moved by one, sums become
// differences, and becomes or. The tree stays as it is (go test -overlay).
//
//	go run ./test/mutants [-run 95] [-killed 90] [-every 12] PACKAGE…
//
// It prints, by package, how many changes the tests run, how many of those they notice, and
// the ones that they do not. A condition of a switch counts as run with the switch: go's
// coverage has no place for it. It fails if less is run or noticed than asked for.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is how long the tests of a package may take with a change in it; without one they
// take a few seconds.
const patience = time.Minute

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutants: ")
	run := flag.Float64("run", 95, "least `percent` of the changes that tests must run")
	killed := flag.Float64("killed", 90, "least `percent` of those that they must notice")
	every := flag.Int("every", 1, "try each `N`th change alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	good := true
	for _, folder := range flag.Args() {
		c, err := count(ctx, folder, *every)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c)
		good = good && c.percentRun() >= *run && c.percentKilled() >= *killed
	}
	if !good {
		log.Fatalf("less than %g %% are run, or less than %g %% of those noticed", *run, *killed)
	}
}

// counts are of the changes of one package.
type counts struct {
	folder               string
	all, run, killed     int
	survivors, neverSeen []string
}

func (c counts) percentRun() float64    { return 100 * float64(c.run) / float64(max(1, c.all)) }
func (c counts) percentKilled() float64 { return 100 * float64(c.killed) / float64(max(1, c.run)) }

func (c counts) String() string {
	text := fmt.Sprintf("%s: %d changes, %.0f %% run, %.0f %% of those noticed", c.folder, c.all, c.percentRun(), c.percentKilled())
	for _, s := range c.survivors {
		text += "\n  not noticed  " + s
	}
	for _, s := range c.neverSeen {
		text += "\n  not run      " + s
	}
	return text
}

// count tries each Nth change of a package, as many at a time as there are CPUs.
func count(ctx context.Context, folder string, every int) (counts, error) {
	all, err := changes(folder)
	if err != nil {
		return counts{}, err
	}
	some := all[:0]
	for i := 0; i < len(all); i += max(1, every) {
		some = append(some, all[i])
	}
	all = some
	covered, err := coverage(ctx, folder)
	if err != nil {
		return counts{}, err
	}
	verdicts := make([]verdict, len(all))
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	var done atomic.Int64
	for i, c := range all {
		group.Go(func() (err error) {
			verdicts[i], err = try(ctx, folder, c, covered.has(c))
			if n := done.Add(1); n%100 == 0 {
				fmt.Fprintf(os.Stderr, "%s: %d of %d\n", folder, n, len(all))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return counts{}, err
	}
	return sum(folder, all, verdicts), nil
}

func sum(folder string, all []change, verdicts []verdict) counts {
	c := counts{folder: folder}
	for i, v := range verdicts {
		switch v {
		case noProgram:
			continue
		case notRun:
			c.neverSeen = append(c.neverSeen, all[i].String())
		case noticed:
			c.run++
			c.killed++
		case unnoticed:
			c.run++
			c.survivors = append(c.survivors, all[i].String())
		}
		c.all++
	}
	slices.Sort(c.survivors)
	slices.Sort(c.neverSeen)
	return c
}
