package answer_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"listenq/docs/reference/schema"
	"listenq/internal/answer"
)

var update = flag.Bool("update", false, "write the JSON Schemas")

// TestSchemas: the JSON Schemas in docs are those of the types, with their comments.
func TestSchemas(t *testing.T) {
	comments := readComments(t)
	for _, d := range answer.Documents {
		name := strings.TrimPrefix(d.Schema, "listenq/")
		s, err := jsonschema.ForType(reflect.TypeOf(d.Empty), nil)
		if err != nil {
			t.Fatal(err)
		}
		describe(s, reflect.TypeOf(d.Empty), comments)
		s.Schema, s.ID, s.Title = "https://json-schema.org/draft/2020-12/schema", "urn:"+strings.ReplaceAll(d.Schema, "/", ":"), d.By
		s.Properties["schema"].Const = jsonschema.Ptr[any](d.Schema)
		var text bytes.Buffer
		out := json.NewEncoder(&text)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(s); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "docs", "reference", "schema", schema.File(name))
		if *update {
			if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(committed), text.String()); diff != "" {
			t.Errorf("%s (-want +got; go test ./internal/answer -update writes it):\n%s", path, diff)
		}
	}
	if got := len(schema.Names()); got != len(answer.Documents) {
		t.Errorf("%d schemas in docs, %d documents", got, len(answer.Documents))
	}
}

// describe adds comments to a schema, and lets it have fields that it does not name: a later
// listenq may write more of them. Nothing is null: what is unknown is absent.
func describe(s *jsonschema.Schema, of reflect.Type, comments map[string]string) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
		switch {
		case of.Kind() == reflect.Slice:
			s = s.Items
		case of.Kind() == reflect.Map:
			s = s.AdditionalProperties
		}
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || s == nil || s.Properties == nil {
		return
	}
	s.AdditionalProperties = nil
	s.Description = comments[of.String()]
	for _, f := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if property := s.Properties[name]; property != nil {
			describe(property, f.Type, comments)
			property.Description = comments[of.String()+"."+f.Name]
		}
	}
}

// readComments reads the comments of types and of their fields, by the names that reflection
// has for them: those of answer, and of judge, whose Reading is part of documents.
func readComments(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{".", "../judge"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if types, ok := d.(*ast.GenDecl); ok && types.Tok == token.TYPE {
					commentsOf(f.Name.Name, types, all)
				}
			}
		}
	}
	return all
}

func commentsOf(pkg string, types *ast.GenDecl, all map[string]string) {
	for _, spec := range types.Specs {
		named := spec.(*ast.TypeSpec)
		name := fmt.Sprintf("%s.%s", pkg, named.Name)
		all[name] = sentence(types.Doc)
		s, ok := named.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			for _, field := range f.Names {
				all[name+"."+field.Name] = sentence(f.Comment)
			}
		}
	}
}

func sentence(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
