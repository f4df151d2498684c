// Command corpus runs `listenq explain` over a folder of foreign captures and checks what
// it says against the packets:
//
//	corpus [-listenq PROGRAM] [-jobs N] [-time 60s] [-memory MIB] [-v] DIR
//
// Each file below DIR is explained as JSON and as text, within limits of time and memory.
// What is said of it is compared with what an own, slow reader finds in the packets: the
// files are read by gopacket, and nothing of the model or of the capture reader is used. It
// prints verdicts by kind, what they cost, and each statement that the packets do not bear
// out; then it exits with 1. With -v it prints a line for each file.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	log.SetFlags(0)
	var r runner
	flag.StringVar(&r.program, "listenq", "./listenq", "the program")
	flag.DurationVar(&r.time, "time", time.Minute, "what a file may take")
	flag.Int64Var(&r.memory, "memory", 1024, "and how many MiB")
	jobs := flag.Int("jobs", runtime.NumCPU(), "files at a time")
	verbose := flag.Bool("v", false, "print a line for each file")
	flag.Usage = func() {
		log.Print("usage: corpus [FLAG…] DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	r.memory <<= 20
	files, err := captures(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	detail := io.Discard
	if *verbose {
		detail = os.Stdout
	}
	s := newSummary()
	for result := range each(files, *jobs, r.check) {
		s.add(result)
		fmt.Fprintln(detail, result.line())
	}
	s.print(os.Stdout)
	if len(s.broken) > 0 {
		os.Exit(1)
	}
}

// each checks files, several at a time, and gives the results in the order of the files.
func each(files []string, jobs int, check func(string) *result) func(yield func(*result) bool) {
	return func(yield func(*result) bool) {
		results := make([]chan *result, len(files))
		for i := range results {
			results[i] = make(chan *result, 1)
		}
		next := make(chan int)
		var all sync.WaitGroup
		defer all.Wait()
		for range max(1, jobs) {
			all.Go(func() {
				for i := range next {
					results[i] <- check(files[i])
				}
			})
		}
		quit := make(chan struct{})
		defer close(quit)
		all.Go(func() {
			defer close(next)
			for i := range files {
				select {
				case next <- i:
				case <-quit:
					return
				}
			}
		})
		for _, r := range results {
			if !yield(<-r) {
				return
			}
		}
	}
}
