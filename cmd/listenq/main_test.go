package main

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/testscript"

	"listenq/docs/reference/schema"
	"listenq/internal/lab/parts"
)

var update = flag.Bool("update", false, "write the expected output of the scripts anew")

// TestMain makes the test binary serve as the program listenq, and so as the
// lab's own processes, too.
func TestMain(m *testing.M) {
	if code, ok := parts.Reexec(os.Args[1:]); ok {
		os.Exit(code)
	}
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		main()
	}
	testscript.Main(m, map[string]func(){"listenq": main})
}

// asProgram in the environment makes the test binary the program.
const asProgram = "LISTENQ_TEST_AS_PROGRAM"

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Condition: func(condition string) (bool, error) {
			switch condition {
			case "root":
				return os.Getuid() == 0, nil
			case "kernels":
				_, err := os.Stat(filepath.Join(kernels(), "bookworm"))
				return err == nil && !testing.Short(), nil
			}
			return false, errors.New("unknown condition")
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("KERNELS", kernels())
			if cache, err := os.UserCacheDir(); err == nil {
				env.Setenv("XDG_CACHE_HOME", cache) // or packages of kernels are unpacked each time
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "valid": valid},
	})
}

// kernels is where test/kernels puts what it fetches.
func kernels() string {
	if folder := os.Getenv("LISTENQ_KERNELS"); folder != "" {
		return folder
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "listenq", "kernels")
}

// valid checks a document against its JSON Schema, and that it has no field which that does
// not name: valid NAME FILE.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: valid NAME FILE")
	}
	text, err := schema.Text(args[0])
	ts.Check(err)
	var s jsonschema.Schema
	ts.Check(json.Unmarshal(text, &s))
	strict(&s)
	resolved, err := s.Resolve(nil)
	ts.Check(err)
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &document))
	if err := resolved.Validate(document); err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// strict forbids fields that a schema does not name.
func strict(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	strict(s.Items)
	strict(s.AdditionalProperties)
	for _, property := range s.Properties {
		strict(property)
	}
	if s.Properties != nil {
		s.AdditionalProperties = &jsonschema.Schema{Not: &jsonschema.Schema{}}
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND….
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v exits with %d, want %d", args[1:], got, want)
	}
}
