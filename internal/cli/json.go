package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"

	"listenq/internal/text"
)

// printJSON prints one document.
func printJSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// printJSONLine prints one document of many: one a line.
func printJSONLine(w io.Writer, v any) error { return encode(w, v, "") }

func encode(w io.Writer, v any, indent string) error {
	var document bytes.Buffer
	out := json.NewEncoder(&document)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(inert(document.Bytes()))
	return err
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
