package answer_test

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"listenq/internal/answer"
)

// TestReference: docs/reference/json.md names each field of each document, in the document's
// section or where that says "as in", and invents none.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/json.md")
	if err != nil {
		t.Fatal(err)
	}
	documents, _, _ := strings.Cut(string(text), "\n## A recording\n")
	sections := map[string]string{}
	for _, s := range strings.Split(documents, "\n## ")[1:] {
		if m := regexp.MustCompile("`(listenq/[a-z]+/v1)`").FindStringSubmatch(s); m != nil {
			sections[m[1]] = s
		}
	}
	known := map[string]bool{}
	for _, d := range answer.Documents {
		section, ok := sections[d.Schema]
		if !ok {
			t.Errorf("%s has no section", d.Schema)
			continue
		}
		fields := map[string]bool{}
		fieldsOf(reflect.TypeOf(d.Empty), fields)
		maps.Copy(known, fields)
		for name := range fields {
			if name != "schema" && !strings.Contains(section, "`"+name+"`") && !strings.Contains(section, "as in `") && !strings.Contains(section, "below") {
				t.Errorf("%s: the field %q is not documented", d.Schema, name)
			}
			if !strings.Contains(documents, "`"+name+"`") {
				t.Errorf("%s: the field %q is documented nowhere", d.Schema, name)
			}
		}
	}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(documents) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			if !known[m[1]] && !groups[m[1]] {
				t.Errorf("json.md documents %q, a field that no document has", m[1])
			}
		}
	}
}

// groups are words in first columns that are no fields: groups of facts, and settings.
var groups = map[string]bool{"counters": true}

// fieldsOf collects the names of a type's fields in JSON, and of those within them.
func fieldsOf(of reflect.Type, names map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		fieldsOf(of.Elem(), names)
		return
	case reflect.Struct:
	default:
		return
	}
	if of.PkgPath() == "time" {
		return
	}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case name != "":
			names[name] = true
		}
		fieldsOf(f.Type, names)
	}
}
