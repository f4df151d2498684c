// Package capture hides packet bytes: how a TCP segment lies in a frame, and how
// frames lie in a capture file.
//
//	r, err := capture.NewReader(file, "eth0.pcapng")
//	var p capture.Packet
//	for err = r.Next(&p); err == nil; err = r.Next(&p) {
//		if p.Skip == capture.Taken { tracker.Packet(p.Segment) }
//	}
//
// A Reader reads pcap and pcapng, plain or gzip, in either byte order. What it
// needs grows neither with the file nor with what the file claims of itself.
// Writer writes pcapng, and Annotate copies a capture with words of its own added.
//
// It does not reassemble: a fragment is no segment, and the bytes of a stream
// are nobody's business here. It does not look into tunnels.
package capture
