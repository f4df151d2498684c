package capture

import (
	"encoding/binary"

	"listenq/internal/evidence"
)

// The kinds of TCP options (IANA).
const (
	optEnd           = 0
	optNop           = 1
	optMSS           = 2
	optWindowScale   = 3
	optSACKPermitted = 4
	optTimestamps    = 8
	optMPTCP         = 30
	optFastOpen      = 34
	optExperimental  = 254

	fastOpenMagic = 0xf989 // RFC 7413, appendix A, note on experimental use
)

// options reads the options of a TCP header. As tcp_parse_options does
// (net/ipv4/tcp_input.c), it ignores an option of the wrong length and stops at
// one that does not fit; what it read before stands.
func options(b []byte) (o evidence.Options) {
	for len(b) > 0 {
		if b[0] == optNop {
			b = b[1:]
			continue
		}
		if b[0] == optEnd || len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return o
		}
		option(&o, b[0], b[2:b[1]])
		b = b[b[1]:]
	}
	return o
}

// option adds one option with the given value to o.
func option(o *evidence.Options, kind byte, value []byte) {
	switch {
	case kind == optMSS && len(value) == 2:
		o.Present |= evidence.OptMSS
		o.MSS = binary.BigEndian.Uint16(value)
	case kind == optWindowScale && len(value) == 1:
		o.Present |= evidence.OptWindowScale
		o.WindowScale = value[0]
	case kind == optSACKPermitted && len(value) == 0:
		o.Present |= evidence.OptSACKPermitted
	case kind == optTimestamps && len(value) == 8:
		o.Present |= evidence.OptTimestamps
		o.TSVal = binary.BigEndian.Uint32(value)
		o.TSEcr = binary.BigEndian.Uint32(value[4:])
	case kind == optFastOpen,
		kind == optExperimental && len(value) >= 2 && binary.BigEndian.Uint16(value) == fastOpenMagic:
		o.Present |= evidence.OptFastOpen
	case kind == optMPTCP:
		o.Present |= evidence.OptMPTCP
	}
}
