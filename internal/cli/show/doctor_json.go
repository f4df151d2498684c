package show

import (
	"bufio"
	"bytes"
	"io"

	"listenq/internal/answer"
)

// DiagnosisJSON prints a diagnosis as printJSON prints all, finding by finding: of a host with
// as many listeners as there may be they take more memory than all else.
func DiagnosisJSON(w io.Writer, d answer.Diagnosis) error {
	findings := d.Findings
	d.Findings = []answer.Finding{}
	var around bytes.Buffer
	if err := encode(&around, d, "", "  "); err != nil || len(findings) == 0 {
		_, _ = w.Write(around.Bytes()) // its error is kept
		return err
	}
	before, after, _ := bytes.Cut(around.Bytes(), []byte(`"findings": []`)) // in a string the quotes are escaped
	const answerBuffer = 64 << 10                                           // as much as a pipe takes at once (pipe(7))
	out := bufio.NewWriterSize(w, answerBuffer)
	_, _ = out.Write(before) // errors are kept until Flush
	_, _ = out.WriteString(`"findings": [`)
	for i, f := range findings {
		if i > 0 {
			_, _ = out.WriteString(",")
		}
		var one bytes.Buffer
		if err := encode(&one, f, "    ", "  "); err != nil {
			return err
		}
		_, _ = out.WriteString("\n    ")
		_, _ = out.Write(bytes.TrimSuffix(one.Bytes(), []byte("\n")))
	}
	_, _ = out.WriteString("\n  ]")
	_, _ = out.Write(after)
	return out.Flush()
}
