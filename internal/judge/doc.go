// Package judge tells what can have befallen a connection attempt, by what its packets
// show and by what those of the other clients of its listener do: a differential
// diagnosis. It hides what each explanation predicts, what contradicts it, and what
// it alone explains.
//
//	queue := judge.Reconstruct(visits)      // of all clients of a listener
//	d := judge.Attempt(&seen, &queue)       // what is left for one of them
//
// It is pure: evidence in, a verdict out. It sees no packet and keeps nothing: judged
// twice, the same evidence gives the same.
//
// # How it judges
//
// A hypothesis is on the list if it predicts the trouble that was seen. It leaves the
// list only when something that was seen contradicts it; that something is rare does
// not. The ones that are left are ranked by how well they fit, which is an order and no
// proof. A verdict is likely when something was seen that one hypothesis alone
// explains, and certain when all the others are contradicted.
package judge
