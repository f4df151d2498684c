package show

import (
	"strings"

	"listenq/internal/answer"
	"listenq/internal/text"
)

// Scenarios prints the experiments below their topics.
func Scenarios(s text.Screen, rows []answer.Scenario) {
	for i, r := range rows {
		if i == 0 || rows[i-1].Topic != r.Topic {
			if i > 0 {
				s.Blank()
			}
			s.Line("%s", s.Style(text.Bold, r.Topic))
		}
		s.Line("  %-34s %8s", r.Name, answer.Seconds(r.Expected))
		s.Wrap("      ", r.Title)
		s.Wrap("      ", s.Style(text.Faint, "from: "+r.Source))
	}
	s.Blank()
	s.Line("Run one: listenq lab run ID, such as b2. Read one: listenq lab show ID.")
}

func Rules(s text.Screen, rules []answer.Rule, titles bool) {
	for i, r := range rules {
		switch {
		case titles:
			s.Wrap(s.Style(text.Bold, r.Code)+"  ", r.Title)
			continue
		case i > 0:
			s.Blank()
		}
		for line := range strings.Lines(r.Text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "#") {
				line = s.Style(text.Bold, line)
			}
			s.Line("%s", line)
		}
	}
}
