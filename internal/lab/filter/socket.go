package filter

import (
	"golang.org/x/net/bpf"
)

// Program is the classic BPF program of a rule for SO_ATTACH_FILTER on a listening
// socket: it drops what the rule takes. The kernel runs it over the segment from the
// header of TCP on (tcp_filter, net/ipv4/tcp_ipv4.c), for the listener's segments and
// those of connections that are made while it is attached. It has no limits, and
// rejects nothing.
func (r *Rule) Program() ([]bpf.RawInstruction, error) {
	const keep, drop = 1 << 18, 0 // bytes of the segment that the socket gets
	var program []bpf.Instruction
	taken := r.kind()
	port := uint32(destinationAt)
	if r.ToServer {
		port = sourceAt
	}
	for _, p := range ranges(r.Ports) {
		program = append(program,
			bpf.LoadAbsolute{Off: port, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(p.first), SkipTrue: uint8(2 + len(taken))},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(p.last), SkipTrue: uint8(1 + len(taken))},
		)
		program = append(program, taken...)
		program = append(program, bpf.RetConstant{Val: drop})
	}
	if r.Ports == nil {
		program = append(taken, bpf.RetConstant{Val: drop})
	}
	return bpf.Assemble(append(program, bpf.RetConstant{Val: keep}))
}

// kind is the part of a program that skips one instruction behind it where the segment
// is not of the rule's kind.
func (r *Rule) kind() []bpf.Instruction {
	flags := func(mask, value uint32) []bpf.Instruction {
		return []bpf.Instruction{
			bpf.LoadAbsolute{Off: flagsAt, Size: 1},
			bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: value, SkipTrue: 1},
		}
	}
	// The length of the header: its first half byte at offsetAt, in words of 4 bytes.
	lengths := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetAt, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
		bpf.TAX{},
		bpf.LoadExtension{Num: bpf.ExtLen},
	}
	switch r.Kind {
	case SYN:
		return flags(flagSYN|flagACK, flagSYN)
	case SYNACK:
		return flags(flagSYN|flagACK, flagSYN|flagACK)
	case FIN:
		return flags(flagFIN, flagFIN)
	case RST:
		return flags(flagRST, flagRST)
	case Data:
		return append(lengths, bpf.JumpIfX{Cond: bpf.JumpEqual, SkipTrue: 1})
	case ACK:
		is := flags(flagACK|flagSYN|flagFIN|flagRST, flagACK)
		is[len(is)-1] = bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: flagACK, SkipTrue: uint8(2 + len(lengths))}
		return append(append(is, lengths...), bpf.JumpIfX{Cond: bpf.JumpNotEqual, SkipTrue: 1})
	}
	return nil
}
