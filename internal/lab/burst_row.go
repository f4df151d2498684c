package lab

import (
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/judge"
)

// row returns what became of a burst.
func (b *burst) row(r burstRun, run answer.Run) answer.BurstRow {
	row := answer.BurstRow{
		Clients: r.clients, Clean: answer.Hold(run.Expectations), Dropped: dropped(run),
		Hasty: !r.patient, Struck: map[judge.Struck]int{}, Outcomes: map[judge.Outcome]int{}, ACKsWithin: acksWithin(run.Connections),
	}
	if b.Exec == "" {
		row.Backlog = &r.backlog
	}
	if r.out != b.scratch {
		row.Recording = run.Recording
	}
	for i := range run.Connections {
		countIn(&row, &run.Connections[i])
	}
	return row
}

func dropped(run answer.Run) uint64 {
	m := run.Counters.Server["TcpExtListenDrops"]
	return m.After - m.Before
}

// countIn counts one connection.
func countIn(row *answer.BurstRow, c *answer.RunConnection) {
	row.Outcomes[c.Outcome]++
	if c.Outcome != judge.Accepted && c.Outcome != judge.Queued {
		row.NotConnected++
	}
	if c.Struck != "" {
		row.Struck[c.Struck]++
	}
	if c.Delay == nil {
		return
	}
	row.Late++
	if row.LateMin == nil || *c.Delay < *row.LateMin {
		row.LateMin = c.Delay
	}
	if row.LateMax == nil || *c.Delay > *row.LateMax {
		row.LateMax = c.Delay
	}
}

// acksWithin is how long the burst of final ACKs took to arrive: from the first
// connection that got beyond its SYN-ACK to the last, of those whose first SYN was
// answered.
func acksWithin(all []answer.RunConnection) *answer.Milliseconds {
	var times []time.Duration
	for _, c := range all {
		if c.Struck == judge.StruckSYN {
			continue
		}
		for _, h := range c.History {
			if h.Outcome != judge.Unanswered && h.Outcome != judge.Pending {
				times = append(times, h.T.Duration())
				break
			}
		}
	}
	if len(times) < 2 {
		return nil
	}
	return new(answer.MS(slices.Max(times) - slices.Min(times)))
}

// firstDropped is the connection whose packet was dropped first: final ACKs come
// after all SYNs and data after all final ACKs, and each in the order of the
// clients.
func firstDropped(all []answer.RunConnection) answer.RunConnection {
	for _, struck := range []judge.Struck{judge.StruckSYN, judge.StruckACK, judge.StruckData} {
		for _, c := range all {
			if c.Struck == struck {
				return c
			}
		}
	}
	unlucky := slices.IndexFunc(all, func(c answer.RunConnection) bool {
		return c.Outcome != judge.Accepted && c.Outcome != judge.Queued
	})
	return all[max(0, unlucky)]
}
