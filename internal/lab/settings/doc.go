// Package settings holds the sysctls that decide what happens at a listen queue: the values
// that experiments begin with, which of them a kernel has for each network namespace, and
// writing those of the whole machine where a guest is ours alone.
package settings
