package inside

import (
	"context"
	"fmt"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/lab/wire"
	"listenq/internal/queue"
)

// How long a step waits for what it caused.
const (
	quietFor    = 200 * time.Microsecond // nothing moved between two looks
	floodQuiet  = 20 * time.Millisecond  // the same while a flood goes on, whose frames wait before the hosts' own
	aheadQuiet  = 20 * time.Millisecond  // the same on loopback while frames were seen that TCP has not counted: they wait for a CPU, or a filter took them
	settleLimit = time.Second            // after the last movement; a frame that the kernel drops before TCP would be waited for in vain
	settleMost  = 10 * time.Second       // where something always moves, such as the talk of a program with itself
)

// settle waits until all frames that were caused are delivered and processed,
// and the processes of the lab have taken what is theirs; then it takes a
// sample. Time that frames spend delayed on the wire is prescribed.
func (e *experiment) settle(ctx context.Context) error {
	var before state
	last := time.Now()
	limit, most := last.Add(settleLimit), last.Add(settleMost)
	moved := last
	synced := !slices.ContainsFunc(e.servers, (*running).ends)
	for ctx.Err() == nil {
		now, err := e.look()
		if err != nil {
			return err
		}
		if now.flying {
			e.prescribed += time.Since(last)
			most = time.Now().Add(settleMost)
		}
		last = time.Now()
		if now != before {
			limit, moved = last.Add(settleLimit), last
		}
		quiet := now == before && now.settled() && (!now.ahead || last.Sub(moved) >= aheadQuiet)
		if quiet && synced {
			break
		}
		if quiet {
			if err := e.sync(); err != nil {
				return err
			}
			synced = true // and what they sent is on its way
		}
		if last.After(limit) || last.After(most) {
			e.unsettled()
			break
		}
		before = now
		if now.flooded {
			time.Sleep(floodQuiet)
		} else {
			time.Sleep(quietFor)
		}
	}
	return e.obs.Sample()
}

// unsettled notes that a step was taken for over although something moved.
func (e *experiment) unsettled() {
	e.missing = append(e.missing, answer.Missing{
		What: fmt.Sprintf("the end of line %d", e.line),
		Why:  fmt.Sprintf("frames or processes of the lab were still busy after %v", settleLimit),
		Hint: "what the next lines see may be early; a machine with less to do, or a wait",
	})
}

// state is what settle compares.
type state struct {
	flooded            bool // a flood goes on: its segments are left out, and what TCP counted is not known apart from them
	flying             bool // frames are on the wire
	ahead              bool // on loopback: frames were seen that TCP has not counted
	delivered, counted [2]uint64
	arrived            [2]uint64 // frames that the hosts sent
	busy               bool      // a process of the lab has something to take
}

// settled reports whether TCP has counted at least all segments that were
// delivered: others may come from within a host.
func (s state) settled() bool {
	return !s.flying && !s.busy && (s.flooded || s.counted[0] >= s.delivered[0] && s.counted[1] >= s.delivered[1])
}

func (e *experiment) look() (state, error) {
	s := state{flooded: e.floods.goOn()}
	if e.net.Wire != nil {
		s.traffic(e.net.Wire.Snapshot())
	}
	if !s.flooded {
		if err := e.processed(&s); err != nil {
			return s, err
		}
	}
	if s.flying {
		return s, nil // it is too early to ask the processes, which takes long where they are many
	}
	var err error
	s.busy, err = e.busy()
	return s, err
}

func (s *state) traffic(w wire.Snapshot) {
	s.flying = !w.Quiet()
	if s.flooded {
		s.flying = !w.HostsQuiet()
	}
	for i, d := range []wire.Direction{w.ToServer, w.ToClient} {
		s.delivered[i], s.arrived[i] = d.Hosts.Delivered, d.Hosts.Sent
	}
}

// processed takes what TCP has counted, to compare with what was delivered.
func (e *experiment) processed(s *state) error {
	var counters queue.Counters
	for i, side := range e.net.Sides() {
		if err := side.Settled.Read(&counters); err != nil {
			return err
		}
		s.counted[i], _ = counters.Get("TcpInSegs")
	}
	if e.net.Loopback() {
		seen := uint64(e.obs.Seen())
		s.flying, s.ahead = seen < s.counted[0], seen > s.counted[0]
		return nil
	}
	delivered, kept := e.obs.Delivered()
	s.delivered[0] = delivered // spoofed segments, too
	s.counted[0] += kept
	kept, err := e.filters.client.Taken()
	s.counted[1] += kept
	return err
}

// busy reports whether a client has not taken what its socket offers, or a
// server not accepted what its policy wants.
func (e *experiment) busy() (bool, error) {
	for _, c := range e.clients {
		if c.Behind() {
			return true, nil
		}
	}
	for _, s := range e.servers {
		if s.watched == nil || !s.eager() {
			continue
		}
		if err := e.obs.Glance(); err != nil {
			return false, err
		}
		if e.obs.AcceptLen(s.watched) > 0 {
			return true, nil
		}
	}
	return false, nil
}
