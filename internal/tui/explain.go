package tui

import (
	"slices"
	"strings"

	"listenq/internal/diagnose"
)

// explanation describes in full the findings about the chosen listener; if there are
// none, the worst one.
func (m *model) explanation() []string {
	if len(m.findings) == 0 {
		return []string{" no findings: nothing is wrong that could be seen"}
	}
	about := slices.DeleteFunc(slices.Clone(m.findings), func(f diagnose.Finding) bool {
		return m.row() == nil || f.Listener == nil || identify(&f.Listener.Listener) != m.row().id()
	})
	if len(about) == 0 {
		about = m.findings[:1]
	}
	var lines []string
	for i := range about {
		lines = append(lines, m.findingText(&about[i])...)
	}
	return lines
}

func (m *model) findingText(f *diagnose.Finding) []string {
	lines := append(wrap("", m.findingLine(f), m.width), "severity: "+string(f.Severity), "")
	for _, section := range []struct {
		title string
		texts []string
	}{
		{"what was seen", f.Evidence},
		{"what clients feel", []string{f.Effect}},
		{"what to do, the least risky first", f.Fix},
		{"check by hand", f.Check},
	} {
		if strings.Join(section.texts, "") == "" {
			continue
		}
		lines = append(lines, m.theme.draw(strong, section.title))
		for _, text := range section.texts {
			lines = append(lines, wrap("  - ", m.theme.visible(text), m.width)...)
		}
	}
	text, ok := diagnose.Explain(f.Code)
	if ok {
		lines = append(lines, "")
	}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if title, ok := strings.CutPrefix(line, "#"); ok {
			lines = append(lines, m.theme.draw(strong, strings.TrimLeft(title, "# ")))
			continue
		}
		lines = append(lines, wrap("", m.theme.visible(line), m.width)...)
	}
	return append(lines, "", "")
}
