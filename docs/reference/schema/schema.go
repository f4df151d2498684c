// Package schema holds the JSON Schemas of listenq's documents. They are generated from the
// types of internal/answer, by a test of that package; do not edit them.
package schema

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.json
var files embed.FS

// Names are those of the schemas, such as ls/v1.
func Names() (names []string) {
	all, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, f := range all {
		name, version, _ := strings.Cut(strings.TrimSuffix(f.Name(), ".json"), "-")
		names = append(names, name+"/"+version)
	}
	return names
}

// Text is the JSON Schema of the document with that name.
func Text(name string) ([]byte, error) { return files.ReadFile(File(name)) }

// File is the name of the file of a schema.
func File(name string) string { return strings.ReplaceAll(name, "/", "-") + ".json" }
