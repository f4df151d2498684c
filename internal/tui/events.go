package tui

import (
	"fmt"
	"time"

	"listenq/internal/queue"
)

// event is a change of a listener between two samples.
type event struct {
	at   time.Time
	text string
}

// keptEvents is how many of them the details show.
const keptEvents = 20

// events are the last changes of a listener, the newest first.
func events(samples []queue.Sample, id identity) []event {
	var all []event
	var after *queue.Sample
	var now *queue.Listener
	for i := len(samples) - 1; i >= 0 && len(all) < keptEvents; i-- {
		before := find(&samples[i], id)
		if now != nil {
			if text := changed(before, now); text != "" {
				all = append(all, event{after.Time, text})
			}
			if before == nil {
				break
			}
		}
		after, now = &samples[i], before
		if now == nil {
			break
		}
	}
	return all
}

func find(s *queue.Sample, id identity) *queue.Listener {
	for i := range s.Listeners {
		if identify(&s.Listeners[i]) == id {
			return &s.Listeners[i]
		}
	}
	return nil
}

// changed says how a listener differs from what it was; empty if nothing that matters.
func changed(before, now *queue.Listener) string {
	if before == nil {
		return "listens, limit " + limitText(now)
	}
	var text string
	switch {
	case before.AcceptLimit != now.AcceptLimit:
		text = fmt.Sprintf("listen() again: limit %s, was %s", limitText(now), limitText(before))
	case now.Full() && !before.Full():
		text = "full: " + lengthText(now)
	case !now.Full() && before.Full():
		text = "no longer full: " + lengthText(now)
	}
	if before.Drops.Known && now.Drops.Known && now.Drops.N != before.Drops.N {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d dropped", uint32(now.Drops.N)-uint32(before.Drops.N)) // sk_drops wraps
	}
	return text
}
