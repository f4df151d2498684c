package inside

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"listenq/internal/answer"
	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/job"
	"listenq/internal/lab/script"
	"listenq/internal/lab/server"
	"listenq/internal/lab/settings"
	"listenq/internal/lab/wire"
)

// do carries out one step. It returns when all that the step caused is over.
func (e *experiment) do(ctx context.Context, step script.Step) error {
	switch do := step.Do.(type) {
	case script.Expect:
		return e.expect(step, do)
	case script.Wait:
		return e.wait(ctx, do.For)
	case script.WaitUntil:
		return e.waitUntil(ctx, step, do)
	case script.Observe:
		return e.observe(ctx, step.Line, do)
	}
	if err := e.act(ctx, step); err != nil {
		return err
	}
	return e.settle(ctx)
}

// act carries out a step that changes something.
func (e *experiment) act(ctx context.Context, step script.Step) error {
	switch do := step.Do.(type) {
	case script.Sysctl:
		return e.sysctl(do)
	case script.Wire:
		return e.shape(do)
	case script.Hold:
		return e.hold(do)
	case script.Release:
		return e.release(ctx, do.Names)
	case script.Filter:
		return e.filter(do, step.Text)
	case script.Lift:
		return e.lift(do)
	case script.Alter:
		return e.alter(do)
	case script.Answer:
		return e.answer(do)
	case script.Route:
		return e.route(do)
	case script.Server:
		return e.serve(do)
	case script.ServerExec:
		return e.serveCommand(ctx, do)
	case script.Accept:
		return e.server(do.On).accept(do.Policy)
	case script.Listen:
		return e.listen(do)
	case script.Stop:
		return e.server(do.Server).stop(do.For)
	case script.Continue:
		return e.server(do.Server).resume()
	case script.Connect:
		return e.connect(ctx, do)
	case script.ClientExec:
		return e.exec(ctx, do)
	case script.Flood:
		return e.flood(ctx, do)
	}
	return e.actOnConnections(step.Do)
}

// actOnConnections carries out a step on connections that there are.
func (e *experiment) actOnConnections(action script.Action) error {
	switch do := action.(type) {
	case script.Send:
		return e.each(do.Names, func(c *connection) error { return c.Send(do.Payload()) })
	case script.Shutdown:
		return e.each(do.Names, func(c *connection) error { return c.Shutdown() })
	case script.Reset:
		return e.each(do.Names, func(c *connection) error { return c.Reset() })
	case script.Close:
		for _, name := range do.Servers {
			if err := e.server(name).close(); err != nil {
				return err
			}
		}
		return e.each(do.Names, func(c *connection) error { return c.Close() })
	}
	return fmt.Errorf("no such step: %T", action)
}

func (e *experiment) each(names []string, do func(*connection) error) error {
	for _, name := range names {
		if err := do(e.byName[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// knowSettings looks, before the first step, whether the kernel has the settings that the
// script sets: a misspelt name is reported at once. Those of the machine are not looked
// for, where the experiment may set them.
func (e *experiment) knowSettings() error {
	if e.machine != nil {
		return nil
	}
	return kernel.InNetns(int(e.net.Server.Netns.Fd()), func() error {
		for _, step := range e.script.Steps {
			if do, ok := step.Do.(script.Sysctl); ok && !do.MayFail && settings.Hidden([]string{do.Name}) != "" {
				return &stepError{e.script.Name, step, noSetting(do.Name)}
			}
		}
		return nil
	})
}

// noSetting says that the kernel does not have a setting, and which it may have been meant for.
func noSetting(name string) error {
	return job.Fail("this kernel has no such setting in a network namespace of its own", settings.Near(name))
}

// sysctl writes a setting in the namespaces of both sides.
func (e *experiment) sysctl(do script.Sysctl) error {
	path := settings.Path(do.Name)
	for _, side := range e.net.Sides() {
		err := kernel.InNetns(int(side.Netns.Fd()), func() error { return os.WriteFile(path, []byte(do.Value), 0) })
		if errors.Is(err, fs.ErrNotExist) {
			err = e.machine.Set(do.Name, do.Value)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist) && do.MayFail:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			return noSetting(do.Name)
		case err != nil:
			return fmt.Errorf("set %s to %q: %w", do.Name, do.Value, err)
		}
	}
	e.obs.Setting(do.Name, do.Value)
	return nil
}

// destinations are the sides that a direction leads to.
func destinations(d script.Direction) []evidence.Side {
	switch d {
	case script.ToServer:
		return []evidence.Side{evidence.ServerSide}
	case script.ToClient:
		return []evidence.Side{evidence.ClientSide}
	}
	return []evidence.Side{evidence.ServerSide, evidence.ClientSide}
}

func (e *experiment) shape(do script.Wire) error {
	for _, side := range destinations(do.To) {
		e.net.Wire.Shape(side, wire.Shape{Delay: do.Delay, Loss: do.Loss, Duplicate: do.Duplicate, MTU: do.MTU, Seed: do.Seed})
	}
	return nil
}

// wait lets time pass.
func (e *experiment) wait(ctx context.Context, d time.Duration) error {
	e.prescribed += d
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(d):
		return e.obs.Sample()
	}
}

// waitUntil lets time pass until a condition holds. That it never did is a
// failed expectation. What it waits for is seen by the samples that are taken in the
// background; the last look is at one of its own.
func (e *experiment) waitUntil(ctx context.Context, step script.Step, do script.WaitUntil) error {
	began := time.Now()
	defer func() { e.prescribed += time.Since(began) }()
	for late := false; ctx.Err() == nil; {
		result, err := do.That.Eval(e.env())
		if err != nil {
			return err
		}
		if result.Pass {
			break
		}
		if late {
			e.expectations = append(e.expectations, answer.Expectation{Line: step.Line, Text: step.Text, Got: result.Got})
			break
		}
		time.Sleep(job.DefaultTick)
		if late = time.Since(began) > do.AtMost; late {
			if err := e.obs.Sample(); err != nil {
				return err
			}
		}
	}
	return e.settle(ctx)
}

// expect checks an expectation.
func (e *experiment) expect(step script.Step, do script.Expect) error {
	x := answer.Expectation{Line: step.Line, Text: step.Text, FromSource: do.FromSource}
	env := e.env()
	if do.If != nil {
		condition, err := do.If.Eval(env)
		if err != nil {
			return err
		}
		switch {
		case condition.Unknown:
			x.Unknown, x.Got = true, "the condition is not known: "+condition.Got
		case !condition.Pass:
			x.NotTaken = condition.Got
		}
	}
	if x.NotTaken == "" && x.Got == "" {
		result, err := do.That.Eval(env)
		if err != nil {
			return err
		}
		x.Pass, x.Unknown, x.Got = result.Pass, result.Unknown, result.Got
	}
	e.expectations = append(e.expectations, x)
	return nil
}

// policy translates the language's accept policy into the server's.
func policy(p script.Policy) server.Policy {
	return server.Policy{Mode: server.Mode(p.When), N: p.N, D: p.D}
}
