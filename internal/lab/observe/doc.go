// Package observe gathers what is seen of an experiment, on one clock: packets, samples of the
// sockets, counters and system calls. It gives all of it to the handshake model, and what
// changed to the recording. It knows nothing of steps.
//
// Packets come from the wire's goroutine, samples from the sampler's and from steps, calls from
// the clients'.
package observe
