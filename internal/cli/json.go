package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
)

// printJSON prints one document.
func printJSON(w io.Writer, v any) error { return encode(w, v, "  ") }

// printJSONLine prints one document of many: one a line.
func printJSONLine(w io.Writer, v any) error { return encode(w, v, "") }

func encode(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(inert(text.Bytes()))
	return err
}

// inert escapes what encoding/json leaves as it is and a terminal may obey: control
// characters from U+0080 up, and those that turn the direction of text. They are
// in strings alone, where \u0085 is the same.
func inert(text []byte) []byte {
	active := func(r rune) bool { return r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
	if bytes.IndexFunc(text, active) < 0 {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !active(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
