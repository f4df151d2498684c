//go:build !amd64

package kernel

// oldSyscalls are those that newer architectures do not have.
var oldSyscalls map[int]string
