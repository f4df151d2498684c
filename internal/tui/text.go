package tui

import (
	"strconv"

	"listenq/internal/answer"
	"listenq/internal/queue"
	"listenq/internal/text"
)

// unknown is how what was not looked at is shown.
const unknown = answer.UnknownCell

// narrowest is the width into which a text is still broken.
const narrowest = 10

// wrap breaks a text at blanks, into lines of so many cells behind a lead.
func wrap(lead, words string, width int) []string {
	return text.Wrap(lead, words, max(width, narrowest+text.Width(lead)))
}

func countText(c queue.Count) string {
	if !c.Known {
		return unknown
	}
	return strconv.FormatUint(c.N, 10)
}

func rateText(r queue.Rate) string {
	if !r.Known {
		return unknown
	}
	return answer.RateCell(&r.PerSecond)
}

func lengthText(l *queue.Listener) string { return strconv.Itoa(l.AcceptLen) + "/" + limitText(l) }

func limitText(l *queue.Listener) string {
	if l.AcceptLimit == queue.NoLimit {
		return unknown
	}
	return strconv.Itoa(l.AcceptLimit)
}
