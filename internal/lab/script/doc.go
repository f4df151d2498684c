// Package script is the language in which experiments are written: text in,
// checked steps out. It hides the syntax, the order of steps that makes sense,
// and the types and the evaluation of expressions.
//
//	s, err := script.Parse("b2.lab", text, facts)
//	for _, step := range s.Steps {
//		switch do := step.Do.(type) {
//		case script.Connect: …
//		case script.Expect:
//			result, err := do.That.Eval(script.Env{Conns: …})
//		}
//	}
//
// A script that Parse returns can be run from its first step to its last: every
// name is known where it is used, every value has its unit and is in its
// bounds, every expression has a type. What only the kernel can know (whether a
// sysctl exists, whether a command is there) is left to the run.
//
// It does no I/O, runs nothing, and holds no expectation about any kernel. The
// language is described in docs/reference/lab.md.
//
// It is over 3,000 lines: statements and expressions know the same names, words and units, and
// report mistakes the same way.
package script
