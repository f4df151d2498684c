package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const program = `package p

const all = 1 + 2

func less(a, b int) bool {
	switch {
	case a < b && b > 0:
		a++
		return true
	}
	return false
}
`

// TestChanges: every operator of code that runs, and what it becomes.
func TestChanges(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "p.go")
	if err := os.WriteFile(path, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	all, err := changes(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		line := strings.Split(string(c.apply([]byte(program))), "\n")[c.line-1]
		got = append(got, c.String()+" | "+strings.TrimSpace(line))
	}
	want := []string{
		"p.go:7:13: && becomes || | case a < b || b > 0:",
		"p.go:7:9: < becomes >= | case a >= b && b > 0:",
		"p.go:7:9: < becomes <= | case a <= b && b > 0:",
		"p.go:7:18: > becomes <= | case a < b && b <= 0:",
		"p.go:7:18: > becomes >= | case a < b && b >= 0:",
		"p.go:8:4: ++ becomes -- | a--",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// TestHas: what a block of the coverage says, and of a condition what its function does.
func TestHas(t *testing.T) {
	all, err := readProfile("mode: set\nx/p.go:5.28,6.9 1 1\nx/p.go:7.22,9.14 2 0\nx/p.go:11.2,11.14 1 1\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		c    change
		want bool
	}{
		{"a condition", change{file: "p.go", line: 7, column: 9, first: 5, last: 12}, true},
		{"a condition of a function that does not run", change{file: "p.go", line: 20, column: 9, first: 18, last: 25}, false},
		{"a block that does not run", change{file: "p.go", line: 8, column: 4, first: 5, last: 12}, false},
		{"one that does", change{file: "p.go", line: 11, column: 5, first: 5, last: 12}, true},
		{"outside of functions", change{file: "p.go", line: 3, column: 5}, true},
	} {
		if got := all.has(test.c); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if _, err := readProfile("x/p.go:nonsense\n"); err == nil {
		t.Error("a profile that is none is read")
	}
}

// TestTry: a change that a test notices, one that none does, and one that is no program.
func TestTry(t *testing.T) {
	folder := filepath.Join("testdata", "counted")
	c, err := count(t.Context(), folder, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := counts{folder: folder, all: 5, run: 4, killed: 2,
		survivors: []string{"counted.go:6:7: < becomes <=", "counted.go:7:12: + becomes -"},
		neverSeen: []string{"counted.go:14:11: - becomes +"},
	}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(counts{})); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
