// Package story describes in plain sentences what became of an attempt to open a connection, and
// what is the matter with a listener.
//
//	v := judge.Attempt(seen, queue)
//	for _, line := range story.Tell(seen, &v) { fmt.Println(line.T, line.Text) }
//
// It is pure: evidence and a verdict in, sentences out. It says only what it looked up: what
// was seen it takes from the evidence, what that means from the verdict, and what is a mere
// hypothesis it says as one.
package story
