// Package peers compares what other programs show of the kernel's TCP sockets
// and counters with what listenq saw: it hides what ss, netstat and nstat print.
//
//	ss, _ := peers.Named("ss")
//	// … a Look, ss.Argv run to its end, another Look …
//	found, err := ss.Compare(output, before, after)
//
// Values move while a program runs, so one agrees if it is that of the look
// before, that of the look after, or a number between. What a program shows and
// listenq does not read is listed, and never counted as agreeing.
//
// It runs nothing and reads no clock.
package peers

import (
	"errors"
	"fmt"
	"strings"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// ErrOutput is what is wrong with an output that is not as its program writes it.
var ErrOutput = errors.New("unexpected output")

// Look is what listenq saw of one network namespace at one moment.
type Look struct {
	Sockets  []kernel.Socket // of all states, with Info and Memory
	Counters queue.Counters
}

// Program is another program that shows sockets or counters.
type Program struct {
	Name string
	Argv []string

	read  func(output string) (table, error) // what it shows
	ours  func(Look) table                   // the same as listenq saw it
	known []explanation
}

var programs = []Program{
	// -e gives the cookie, which identifies a socket; -H and -O
	// make one line of each.
	{Name: "ss", Argv: []string{"ss", "-tanmoieHO"}, read: readSs, ours: asSs},
	// -W writes long addresses in full.
	{Name: "netstat", Argv: []string{"netstat", "-atnW"}, read: readNetstat, ours: asNetstat, known: netstatExplanations},
	// -a: since the beginning; -s: leave no history; -z: zeros as well.
	{Name: "nstat", Argv: []string{"nstat", "-asz", "--json"}, read: readNstat, ours: asNstat},
}

// Named returns the program of that name: ss, netstat or nstat.
func Named(name string) (Program, bool) {
	for _, p := range programs {
		if p.Name == name {
			return p, true
		}
	}
	return Program{}, false
}

// Compare compares the output of the program with what listenq saw before it
// started and after it ended. The error is for an output that is not understood.
func (p Program) Compare(output string, before, after Look) (answer.Observation, error) {
	o := answer.Observation{Program: p.Name, Argv: p.Argv}
	shown, err := p.read(output)
	if err != nil {
		return o, fmt.Errorf("read output of %s: %w", strings.Join(p.Argv, " "), err)
	}
	c := comparison{Observation: o, known: p.known}
	c.compare(shown, p.ours(before), p.ours(after))
	return c.Observation, nil
}
