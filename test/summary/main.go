// Command summary reads the JSON of go test from standard input, prints what
// failed as it comes, and at the end every skipped test with its reason, a line
// of counts, and the kernels on which nothing ran (see test/guests).
//
// An interrupt is for the tests: it is summed up what was known by then.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type key struct{ pkg, test string }

// kernelTest is the test by which test/guests says that a kernel was not there.
const kernelTest = "kernel"

func main() {
	signal.Ignore(os.Interrupt)
	output := map[key]*strings.Builder{}
	var passed, failed int
	var skipped, kernels []string
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev event
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			fmt.Println(lines.Text())
			continue
		}
		k := key{ev.Package, ev.Test}
		switch ev.Action {
		case "output", "build-output":
			if output[k] == nil {
				output[k] = &strings.Builder{}
			}
			output[k].WriteString(ev.Output)
			continue
		case "pass":
			if ev.Test != "" {
				passed++
			} else {
				fmt.Printf("ok    %-32s %6.1f s\n", ev.Package, ev.Elapsed)
			}
		case "fail", "build-fail":
			failed++
			if ev.Test == "" {
				printUnended(output, ev.Package)
			}
			if text := output[k]; text != nil {
				fmt.Print(text.String())
			}
			fmt.Printf("FAIL  %s %s\n", ev.Package, ev.Test)
		case "skip":
			if ev.Test != "" {
				skipped = append(skipped, fmt.Sprintf("%s %s: %s", ev.Package, ev.Test, reason(output[k])))
			}
			if ev.Test == kernelTest {
				kernels = append(kernels, ev.Package)
			}
		}
		delete(output, k)
	}
	fmt.Println()
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	if len(kernels) > 0 {
		fmt.Printf("NOTHING WAS TESTED ON THE KERNELS OF: %s\n", strings.Join(kernels, ", "))
	}
	if failed > 0 || lines.Err() != nil {
		os.Exit(1)
	}
}

// printUnended prints what the tests of a package said that were still running
// when it ended.
func printUnended(output map[key]*strings.Builder, pkg string) {
	for k, text := range output {
		if k.pkg == pkg && k.test != "" {
			fmt.Print(text.String())
		}
	}
}

// reason is what the test said before it was skipped.
func reason(output *strings.Builder) string {
	if output == nil {
		return "no reason given"
	}
	var said []string
	for line := range strings.Lines(output.String()) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}
