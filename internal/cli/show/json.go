package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"

	"listenq/internal/text"
)

// JSON prints one document.
func JSON(w io.Writer, v any) error { return encode(w, v, "", "  ") }

// JSONLine prints one document of many: one a line.
func JSONLine(w io.Writer, v any) error { return encode(w, v, "", "") }

func encode(w io.Writer, v any, prefix, indent string) error {
	out := json.NewEncoder(inertWriter{w})
	out.SetEscapeHTML(false)
	out.SetIndent(prefix, indent)
	return out.Encode(v)
}

// inertWriter writes documents, each whole at once, as an Encoder does.
type inertWriter struct{ io.Writer }

func (w inertWriter) Write(document []byte) (int, error) {
	if _, err := w.Writer.Write(inert(document)); err != nil {
		return 0, err
	}
	return len(document), nil
}

// inert escapes what encoding/json leaves as it is and a terminal may obey, or
// text.Inert does not know. It is in strings alone, where \u0085 is the same.
func inert(document []byte) []byte {
	active := func(r rune) bool { return r >= 0x7f && !text.Inert(r) }
	if bytes.IndexFunc(document, active) < 0 {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		switch {
		case !active(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
