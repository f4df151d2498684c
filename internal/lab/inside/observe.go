package inside

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"listenq/internal/answer"
	"listenq/internal/kernel"
	"listenq/internal/lab/network"
	"listenq/internal/lab/peers"
	"listenq/internal/lab/sandbox"
	"listenq/internal/lab/script"
)

// Bounds of another program's run.
const (
	peerAtMost = 10 * time.Second
	peerOutput = 32 << 20 // bytes: 600 or so for each socket
)

// observe runs other programs on both sides, and compares what they show with
// what is seen before and after each.
func (e *experiment) observe(ctx context.Context, line int, do script.Observe) error {
	began := len(e.observations)
	for _, side := range e.net.Sides() {
		for _, name := range do.Programs {
			o, err := e.observeWith(ctx, name, side)
			if err != nil {
				return err
			}
			o.Line, o.Side = line, side.Name
			e.observations = append(e.observations, o)
		}
	}
	e.observed = observedEnv(e.observations[began:])
	return e.settle(ctx)
}

// observeWith runs one program on one side.
func (e *experiment) observeWith(ctx context.Context, name string, side *network.Side) (answer.Observation, error) {
	program, _ := peers.Named(name) // the language knows no others
	t := e.clock.Now()
	before, err := e.obs.Peek(side)
	if err != nil {
		return answer.Observation{}, err
	}
	output, err := e.outputOf(ctx, program.Argv, side)
	if err != nil {
		return answer.Observation{T: answer.MS(t), Program: program.Name, Argv: program.Argv, Missing: err.Error()}, nil
	}
	after, err := e.obs.Peek(side)
	if err != nil {
		return answer.Observation{}, err
	}
	o, err := program.Compare(output, before, after)
	if err != nil {
		o.Missing = err.Error()
	}
	o.T = answer.MS(t)
	return o, nil
}

// outputOf runs a program in a side's namespace and returns what it wrote to stdout.
func (e *experiment) outputOf(ctx context.Context, argv []string, side *network.Side) (string, error) {
	began := time.Now()
	defer func() { e.prescribed += time.Since(began) }()
	cmd, err := e.box.Command(argv)
	if notFound, ok := errors.AsType[*sandbox.CommandNotFound](err); ok {
		return "", notFound
	}
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	said := &sandbox.Tail{}
	cmd.Stdout, cmd.Stderr = &bounded{&output, peerOutput}, said
	if err := kernel.InNetns(int(side.Netns.Fd()), func() error { return e.box.Start(cmd) }); err != nil {
		return "", fmt.Errorf("start %s: %w", argv[0], err)
	}
	switch late := waitFor(ctx, cmd, peerAtMost); {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case late:
		return "", fmt.Errorf("%s did not end within %v", argv[0], peerAtMost)
	case exitOf(cmd) != 0:
		return "", fmt.Errorf("%s failed with exit code %d%s", argv[0], exitOf(cmd), said.Said())
	}
	return output.String(), nil
}

// bounded takes no more than so many bytes.
type bounded struct {
	io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errors.New("too much output")
	}
	b.left -= len(p)
	return b.Writer.Write(p)
}

// observedEnv is what expressions know of an observe step. What was not
// compared makes it unknown.
func observedEnv(all []answer.Observation) script.Observed {
	var differences, explained, sockets, counters, fields int
	for _, o := range all {
		if o.Missing != "" {
			return script.Observed{}
		}
		differences += len(o.Differences)
		explained += len(o.Explained)
		sockets, counters, fields = sockets+o.Sockets, counters+o.Counters, fields+o.Fields
	}
	return script.Observed{Differences: &differences, Explained: &explained, Sockets: &sockets, Counters: &counters, Fields: &fields}
}

// missingPeers lists the programs that could not be compared with.
func missingPeers(all []answer.Observation) (missing []answer.Missing) {
	for _, o := range all {
		if o.Missing != "" {
			missing = append(missing, answer.Missing{
				What: fmt.Sprintf("what %s shows on the side of the %s", o.Program, o.Side), Why: o.Missing,
				Hint: "install it, or name others: observe ss",
			})
		}
	}
	return missing
}
