// Package job is what crosses the border between the processes of an experiment: the job that
// the host side gives, the reports that come back, and the descriptors that they go through.
// Neither side is known here.
package job
