// Package scenarios holds the built-in experiments, one text file each. A
// file's name is its id (as in a4, b2, x5) and a few words; the language is
// described in docs/reference/lab.md.
package scenarios

import (
	"embed"
	"slices"
	"strings"
	"sync"
)

//go:embed *.lab facts/*.lab
var files embed.FS

// Names returns the names of all experiments, sorted.
func Names() []string { return slices.Clone(experiments()) }

// Match returns the experiments that are called by that name or by that id, or
// the probe of the fact of that name.
func Match(name string) []string {
	if slices.Contains(facts(), name) {
		return []string{name}
	}
	var found []string
	for _, n := range experiments() {
		id, _, _ := strings.Cut(n, "-")
		if n == name || id == name {
			found = append(found, n)
		}
	}
	return found
}

// Text returns the script of an experiment of Names, or of the probe of a fact
// of Facts.
func Text(name string) []byte {
	if slices.Contains(facts(), name) {
		return text("facts/" + name + ".lab")
	}
	return text(name + ".lab")
}

// Facts returns the names of the kernel facts that have a probe: a script whose
// expectations hold if the fact is true.
func Facts() []string { return slices.Clone(facts()) }

var (
	experiments = sync.OnceValue(func() []string { return names(".") })
	facts       = sync.OnceValue(func() []string { return names("facts") })
)

func names(folder string) (all []string) {
	entries, err := files.ReadDir(folder)
	if err != nil {
		panic(err) // the folder is a constant
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".lab"); ok {
			all = append(all, name)
		}
	}
	return all
}

func text(path string) []byte {
	b, err := files.ReadFile(path)
	if err != nil {
		panic(err) // callers take names from this package
	}
	return b
}
