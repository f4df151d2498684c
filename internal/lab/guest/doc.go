// Package guest runs experiments on another kernel: Run boots it and gives it a job; the same
// program in the guest (Reexec) runs the experiments as on any machine, and writes progress,
// results and recordings to a tar archive, which Run reads.
package guest
