// Package facts holds what listenq finds out about a kernel: the facts that scripts may ask
// for and the probes that experiments answer (package inside runs them), and what can be read
// or tried without an experiment: counters, tracepoints, eBPF, defaults, rights.
package facts
