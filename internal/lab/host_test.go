package lab

import (
	"io"
	"strings"
	"testing"

	"listenq/internal/lab/job"
	"listenq/test/memory"
)

// FuzzReports reads what the inside may report.
func FuzzReports(f *testing.F) {
	f.Add(`{"Progress":{"Line":1,"Namespaces":{"client":7}}}{}{"Done":{"Run":{"scenario":"x"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		defer memory.Bound(t)()
		end, err := follow(strings.NewReader(text), 1, func(p job.Progress) {
			for name := range p.Enter {
				if _, ok := p.Namespaces[name]; !ok {
					t.Errorf("a command that leads nowhere: %s", p.Enter[name])
				}
			}
		})
		if err == io.EOF && end.Run.Scenario != "" {
			t.Error("no last report, and a result")
		}
	})
}
