// Command summary reads the JSON of go test from standard input, prints what
// failed as it comes, and at the end every skipped test with its reason and a
// line of counts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type key struct{ pkg, test string }

func main() {
	output := map[key]*strings.Builder{}
	var passed, failed int
	var skipped []string
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
			if text := output[k]; text != nil {
				fmt.Print(text.String())
			}
			fmt.Printf("FAIL  %s %s\n", ev.Package, ev.Test)
		case "skip":
			if ev.Test != "" {
				skipped = append(skipped, fmt.Sprintf("%s %s: %s", ev.Package, ev.Test, reason(output[k])))
			}
		}
		delete(output, k)
	}
	fmt.Println()
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	if failed > 0 || lines.Err() != nil {
		os.Exit(1)
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
