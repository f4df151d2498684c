// Command agreement measures how well packets alone agree with a whole recording:
//
//	agreement [-v] DIR
//	agreement -held DIR
//
// DIR holds the recordings of `listenq lab run --out DIR`. Of each it reads the
// packets alone, as a capture on the server, on the client and on both would hold
// them, and compares what the model makes of each connection with result.json,
// which the lab wrote with sockets, counters and system calls in view. It prints a
// table, and exits with 1 if the truth is missing from one statement, or if one that is
// certain or likely is not so. With -v it prints each statement that does not rank the
// truth first. With -held it writes into DIR the scripts of the experiments that are held
// back for judging.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	verbose := flag.Bool("v", false, "print each statement that does not rank the truth first")
	scripts := flag.Bool("held", false, "write the experiments that are held back into DIR")
	flag.Usage = func() { log.Print("usage: agreement [-v|-held] DIR") }
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if *scripts {
		if err := writeHeld(flag.Arg(0)); err != nil {
			log.Fatal(err)
		}
		return
	}
	var detail io.Writer = faults{os.Stderr}
	if *verbose {
		detail = os.Stdout
	}
	t, err := measure(flag.Arg(0), detail)
	if err != nil {
		log.Fatal(err)
	}
	t.print(os.Stdout)
	if t.bad() {
		os.Exit(1)
	}
}

// faults passes on the lines that name a wrong statement; each is one Write.
type faults struct{ w io.Writer }

func (f faults) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("CONTRADICTED")) || bytes.HasPrefix(line, []byte("WRONG")) {
		return f.w.Write(line)
	}
	return len(line), nil
}

// measure compares every recording of a folder.
func measure(dir string, detail io.Writer) (table, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "result.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no recording", dir)
	}
	var t table
	for _, path := range paths {
		r, err := read(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		if len(r.connections) == 0 {
			continue
		}
		row := row{scenario: r.scenario, incomplete: r.incomplete, points: make([]tally, len(points))}
		for i, v := range views {
			if r.incomplete {
				break
			}
			row.tallies[i], row.listeners[i] = r.compare(v, detail)
		}
		for i, p := range points {
			if r.incomplete {
				break
			}
			if row.points[i], err = r.compareAt(p, detail); err != nil {
				return nil, err
			}
		}
		t = append(t, row)
	}
	return t, nil
}
