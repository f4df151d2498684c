package lab

import (
	"slices"
	"time"

	"listenq/internal/judge"
	"listenq/internal/record"
)

// BurstRow is what became of one burst.
type BurstRow struct {
	Clients      int                   `json:"clients"`
	Backlog      *int                  `json:"backlog,omitempty"` // of a server of ours
	Clean        bool                  `json:"clean"`             // no packet was dropped and nobody was late
	Dropped      uint64                `json:"dropped"`           // SYNs, final ACKs and data, by ListenDrops, to the end of the run
	Struck       map[judge.Struck]int  `json:"struck"`            // connections, by the first packet of each that was dropped
	ACKsWithin   *record.Milliseconds  `json:"acks_within_ms,omitempty"`
	Late         int                   `json:"late"` // connections that the server had late
	LateMin      *record.Milliseconds  `json:"late_min_ms,omitempty"`
	LateMax      *record.Milliseconds  `json:"late_max_ms,omitempty"`
	NotConnected int                   `json:"not_connected"` // those that it did not have in the end
	Outcomes     map[judge.Outcome]int `json:"outcomes"`      // in the end
	Recording    string                `json:"recording,omitempty"`
}

// row tells what became of a burst.
func (b *burst) row(r burstRun, run record.Run) BurstRow {
	row := BurstRow{
		Clients: r.clients, Clean: passed(run.Expectations), Dropped: dropped(run),
		Struck: map[judge.Struck]int{}, Outcomes: map[judge.Outcome]int{}, ACKsWithin: acksWithin(run.Connections),
	}
	if b.Exec == "" {
		row.Backlog = &r.backlog
	}
	if r.out != b.scratch {
		row.Recording = run.Recording
	}
	for i := range run.Connections {
		row.count(&run.Connections[i])
	}
	return row
}

func dropped(run record.Run) uint64 {
	m := run.Counters.Server["TcpExtListenDrops"]
	return m.After - m.Before
}

// count counts one connection.
func (row *BurstRow) count(c *record.Connection) {
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
func acksWithin(all []record.Connection) *record.Milliseconds {
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
	return new(record.MS(slices.Max(times) - slices.Min(times)))
}

// firstDropped is the connection whose packet was dropped first: final ACKs come
// after all SYNs and data after all final ACKs, and each in the order of the
// clients.
func firstDropped(all []record.Connection) record.Connection {
	for _, struck := range []judge.Struck{judge.StruckSYN, judge.StruckACK, judge.StruckData} {
		for _, c := range all {
			if c.Struck == struck {
				return c
			}
		}
	}
	unlucky := slices.IndexFunc(all, func(c record.Connection) bool {
		return c.Outcome != judge.Accepted && c.Outcome != judge.Queued
	})
	return all[max(0, unlucky)]
}
