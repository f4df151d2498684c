// Package inside is the program in the sandbox, PID 1 of an experiment: it builds the network,
// carries out the steps of the script, and fills in the result. It also runs the probes of
// kernel facts, which are experiments of the same kind.
//
// A step has ended when the network and the processes of the lab have settled (settle.go).
package inside
