// Package watch looks at a host again and again, and hands what it finds to any number of
// readers:
//
//	source → history → close look at processes → findings → Snapshot
//
// One goroutine runs the loop. Readers take a [Snapshot] whenever they like, from any
// goroutine: a slow one skips those in between, and none holds up the loop or another reader.
// What a Snapshot costs beyond its sample (trends, findings, the close look) is spent when it
// is asked for, once.
//
//	host, err := kernel.OpenHost(options)
//	w := watch.New(host.Sample, watch.Options{Pace: watch.Every(time.Second), Window: time.Minute})
//	go w.Run(ctx)
//	for s, err := w.Next(ctx, nil); err == nil; s, err = w.Next(ctx, s) {
//		draw(s)
//	}
//
// A [Tape] gives the same Snapshots of samples that were kept or recorded.
package watch
