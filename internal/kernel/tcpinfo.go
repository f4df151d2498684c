package kernel

import (
	"encoding/binary"
	"fmt"
	"iter"
	"time"
)

// TCPInfo is a struct tcp_info (include/uapi/linux/tcp.h) as the running kernel
// gave it: each kernel appends to it, so its length shows what it contains.
// Fields are named as there, without "tcpi_", and have the units of there.
//
// Bytes beyond those that mean the same in every kernel up to 7.2 are not hidden:
// All gives them as 32-bit words (and a rest of single bytes) named for their
// offset, "unnamed_at_280".
type TCPInfo []byte

// Field returns the field of that name; false if this kernel did not give it.
func (t TCPInfo) Field(name string) (uint64, bool) {
	for field, v := range t.All() {
		if field == name {
			return v, true
		}
	}
	return 0, false
}

// All goes through the fields that this kernel gave, in their order.
func (t TCPInfo) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for i := range infoFields {
			f := &infoFields[i]
			if f.given(t) && !yield(f.name, f.value(t)) {
				return
			}
		}
		for at := sizeofTCPInfo; at < len(t); {
			size := 4
			if at+size > len(t) {
				size = 1
			}
			if !yield(fmt.Sprintf("unnamed_at_%d", at), unsigned(t[at:at+size])) {
				return
			}
			at += size
		}
	}
}

// LastDataSent is how long ago the socket last sent data, to the tick. A
// server's socket that no process has cannot send, and its clock is set when it
// enters the accept queue: for such a one this is how long it has been waiting
// (tcp_create_openreq_child, net/ipv4/tcp_minisocks.c, and tcp_rcv_state_process,
// net/ipv4/tcp_input.c; 3.10 to 7.2). False if the kernel did not give it.
func (t TCPInfo) LastDataSent() (time.Duration, bool) {
	if !infoFields[infoLastDataSent].given(t) {
		return 0, false
	}
	return time.Duration(infoFields[infoLastDataSent].value(t)) * time.Millisecond, true
}

// infoField is one member of struct tcp_info.
type infoField struct {
	name   string
	offset int
	size   int // in bytes: 1, 2, 4 or 8

	// Of a bit field, where it lies within its byte on little-endian machines,
	// which are all that this table is for.
	shift, bits int

	// since is the length of the first struct with this member, where the
	// member took the place of padding and so its offset does not show whether it is there.
	since int
}

func (f *infoField) given(t TCPInfo) bool {
	return len(t) >= max(f.offset+f.size, f.since)
}

func (f *infoField) value(t TCPInfo) uint64 {
	v := unsigned(t[f.offset : f.offset+f.size])
	if f.bits > 0 {
		v = v >> f.shift & (1<<f.bits - 1)
	}
	return v
}

func unsigned(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(b))
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	default:
		return binary.NativeEndian.Uint64(b)
	}
}

// sizeofTCPInfo is how much of struct tcp_info the table has. The four bytes after
// it are two numbers of 16 bits in Linux 6.18 and bit fields in 7.2, in a struct of
// the same length: they cannot be told apart.
const sizeofTCPInfo = 276

// infoLastDataSent is the index of last_data_sent in infoFields.
const infoLastDataSent = 19

// infoFields is struct tcp_info as of Linux 6.18. delivery_rate_app_limited
// came with delivery_rate in 4.9; fastopen_client_fail came in 5.5 without a new
// length and is 0, "unspecified", before.
var infoFields = [...]infoField{
	{name: "state", offset: 0, size: 1},
	{name: "ca_state", offset: 1, size: 1},
	{name: "retransmits", offset: 2, size: 1},
	{name: "probes", offset: 3, size: 1},
	{name: "backoff", offset: 4, size: 1},
	{name: "options", offset: 5, size: 1},
	{name: "snd_wscale", offset: 6, size: 1, bits: 4},
	{name: "rcv_wscale", offset: 6, size: 1, shift: 4, bits: 4},
	{name: "delivery_rate_app_limited", offset: 7, size: 1, bits: 1, since: 168},
	{name: "fastopen_client_fail", offset: 7, size: 1, shift: 1, bits: 2, since: 232},
	{name: "rto", offset: 8, size: 4},
	{name: "ato", offset: 12, size: 4},
	{name: "snd_mss", offset: 16, size: 4},
	{name: "rcv_mss", offset: 20, size: 4},
	{name: "unacked", offset: 24, size: 4},
	{name: "sacked", offset: 28, size: 4},
	{name: "lost", offset: 32, size: 4},
	{name: "retrans", offset: 36, size: 4},
	{name: "fackets", offset: 40, size: 4},
	{name: "last_data_sent", offset: 44, size: 4},
	{name: "last_ack_sent", offset: 48, size: 4},
	{name: "last_data_recv", offset: 52, size: 4},
	{name: "last_ack_recv", offset: 56, size: 4},
	{name: "pmtu", offset: 60, size: 4},
	{name: "rcv_ssthresh", offset: 64, size: 4},
	{name: "rtt", offset: 68, size: 4},
	{name: "rttvar", offset: 72, size: 4},
	{name: "snd_ssthresh", offset: 76, size: 4},
	{name: "snd_cwnd", offset: 80, size: 4},
	{name: "advmss", offset: 84, size: 4},
	{name: "reordering", offset: 88, size: 4},
	{name: "rcv_rtt", offset: 92, size: 4},
	{name: "rcv_space", offset: 96, size: 4},
	{name: "total_retrans", offset: 100, size: 4},
	{name: "pacing_rate", offset: 104, size: 8},
	{name: "max_pacing_rate", offset: 112, size: 8},
	{name: "bytes_acked", offset: 120, size: 8},
	{name: "bytes_received", offset: 128, size: 8},
	{name: "segs_out", offset: 136, size: 4},
	{name: "segs_in", offset: 140, size: 4},
	{name: "notsent_bytes", offset: 144, size: 4},
	{name: "min_rtt", offset: 148, size: 4},
	{name: "data_segs_in", offset: 152, size: 4},
	{name: "data_segs_out", offset: 156, size: 4},
	{name: "delivery_rate", offset: 160, size: 8},
	{name: "busy_time", offset: 168, size: 8},
	{name: "rwnd_limited", offset: 176, size: 8},
	{name: "sndbuf_limited", offset: 184, size: 8},
	{name: "delivered", offset: 192, size: 4},
	{name: "delivered_ce", offset: 196, size: 4},
	{name: "bytes_sent", offset: 200, size: 8},
	{name: "bytes_retrans", offset: 208, size: 8},
	{name: "dsack_dups", offset: 216, size: 4},
	{name: "reord_seen", offset: 220, size: 4},
	{name: "rcv_ooopack", offset: 224, size: 4},
	{name: "snd_wnd", offset: 228, size: 4},
	{name: "rcv_wnd", offset: 232, size: 4},
	{name: "rehash", offset: 236, size: 4},
	{name: "total_rto", offset: 240, size: 2},
	{name: "total_rto_recoveries", offset: 242, size: 2},
	{name: "total_rto_time", offset: 244, size: 4},
	{name: "received_ce", offset: 248, size: 4},
	{name: "delivered_e1_bytes", offset: 252, size: 4},
	{name: "delivered_e0_bytes", offset: 256, size: 4},
	{name: "delivered_ce_bytes", offset: 260, size: 4},
	{name: "received_e1_bytes", offset: 264, size: 4},
	{name: "received_e0_bytes", offset: 268, size: 4},
	{name: "received_ce_bytes", offset: 272, size: 4},
}
