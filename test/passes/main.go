// Command passes counts, over the results of `listenq lab run --json`, how often
// each experiment passed: passes ROUNDS FILE…. It exits with 1 if one did not
// pass in every round. With -long it reads `listenq lab list --json` from
// standard input and prints the experiments that take 3 s or more.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"strconv"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == "-long" {
		printLong()
		return
	}
	if len(os.Args) < 3 {
		log.Fatal("usage: passes ROUNDS FILE…, or passes -long")
	}
	rounds, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if !count(rounds, os.Args[2:]) {
		os.Exit(1)
	}
}

func printLong() {
	var list struct {
		Scenarios []struct {
			Name     string
			Expected float64 `json:"expected_ms"`
		}
	}
	if err := json.NewDecoder(os.Stdin).Decode(&list); err != nil {
		log.Fatal(err)
	}
	for _, s := range list.Scenarios {
		if s.Expected > 3000 {
			fmt.Println(s.Name)
		}
	}
}

func count(rounds int, files []string) (good bool) {
	passes, failures := map[string]int{}, map[string][]string{}
	for _, path := range files {
		var result struct {
			Runs []struct {
				Scenario, Error string
				Pass            bool
				Expectations    []struct {
					Line      int
					Text, Got string
					Pass      bool
				}
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		if err := json.Unmarshal(text, &result); err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		for _, r := range result.Runs {
			passes[r.Scenario] += 0
			if r.Pass {
				passes[r.Scenario]++
				continue
			}
			failures[r.Scenario] = append(failures[r.Scenario], r.Error)
			for _, x := range r.Expectations {
				if !x.Pass && x.Got != "" {
					failures[r.Scenario] = append(failures[r.Scenario], fmt.Sprintf("line %d: %s: got %s", x.Line, x.Text, x.Got))
				}
			}
		}
	}
	good = true
	for _, name := range slices.Sorted(maps.Keys(passes)) {
		fmt.Printf("%-30s %3d of %d\n", name, passes[name], rounds)
		for _, f := range failures[name] {
			fmt.Printf("    %s\n", f)
		}
		good = good && passes[name] == rounds
	}
	return good
}
