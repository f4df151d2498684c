// Package network is the network of an experiment: a namespace for the client and one for the
// server, the wire between them in a third, and the one clock that all of it is timed by.
package network
