// Package explain finds out from capture files what became of each connection attempt
// in them, and gives a verdict for each listening address. It hides where a file
// was captured, which it finds out, and how files of both ends are read as one.
//
//	report, err := explain.Captures(ctx, []explain.Input{{Name: "eth0.pcap", Data: file}}, explain.Options{})
//
// Files are read once, in the order of time, and what is over is folded into
// counts: memory does not grow with their length. What happened to an attempt
// is decided by package handshake; here nothing is inferred but the place of
// capture and the difference of clocks.
package explain
