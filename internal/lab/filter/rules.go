package filter

import (
	"encoding/binary"
	"math"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A filter is three chains: at the hook the one that looks at ports, from there
// the one that looks at the kind, and from there the one that acts, so that
// there is one limit and one counter, however many rules lead to it.
const (
	kindChain = "-kind"
	actChain  = "-act"
)

// The places of what rules look at, in the header of TCP (RFC 9293, 3.1).
const (
	sourceAt, destinationAt = 0, 2
	offsetAt, flagsAt       = 12, 13
)

const (
	flagFIN, flagSYN, flagRST, flagACK = 1, 2, 4, 16

	register = 1 // of nftables: all that a rule compares goes through it
)

// atHook are the rules of the chain at the hook.
func (r *Rule) atHook() [][]expr.Any {
	jump := &expr.Verdict{Kind: expr.VerdictJump, Chain: r.Name + kindChain}
	if r.Ports == nil {
		return [][]expr.Any{append(isTCP(), jump)}
	}
	at := uint32(destinationAt)
	if r.ToServer {
		at = sourceAt
	}
	var rules [][]expr.Any
	for _, p := range ranges(r.Ports) {
		rules = append(rules, append(isTCP(), load(at, 2),
			&expr.Range{Op: expr.CmpOpEq, Register: register, FromData: binaryutil.BigEndian.PutUint16(p.first), ToData: binaryutil.BigEndian.PutUint16(p.last)},
			jump))
	}
	return rules
}

// byKind are the rules of the chain that looks at the kind.
func (r *Rule) byKind() [][]expr.Any {
	act := &expr.Verdict{Kind: expr.VerdictGoto, Chain: r.Name + actChain}
	flags := func(mask, value byte) [][]expr.Any { return [][]expr.Any{append(hasFlags(mask, value), act)} }
	switch r.Kind {
	case SYN:
		return flags(flagSYN|flagACK, flagSYN)
	case SYNACK:
		return flags(flagSYN|flagACK, flagSYN|flagACK)
	case FIN:
		return flags(flagFIN, flagFIN)
	case RST:
		return flags(flagRST, flagRST)
	case ACK:
		var rules [][]expr.Any
		for _, empty := range withoutData() {
			rules = append(rules, append(append(hasFlags(flagACK|flagSYN|flagFIN|flagRST, flagACK), empty...), act))
		}
		return rules
	case Data:
		var rules [][]expr.Any
		for _, empty := range withoutData() {
			rules = append(rules, append(empty, &expr.Verdict{Kind: expr.VerdictReturn}))
		}
		return append(rules, []expr.Any{act})
	case Invalid:
		return [][]expr.Any{{
			&expr.Ct{Register: register, Key: expr.CtKeySTATE},
			&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: native(expr.CtStateBitINVALID), Xor: native(0)},
			&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: native(0)},
			act,
		}}
	}
	return [][]expr.Any{{act}}
}

// action is the rule of the chain that acts.
func (r *Rule) action() []expr.Any {
	all := append(r.limit(), &expr.Counter{})
	if r.Reject {
		return append(all, &expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	}
	return append(all, &expr.Verdict{Kind: expr.VerdictDrop})
}

// limit is what narrows the filter down to a part of what it matches.
func (r *Rule) limit() []expr.Any {
	const parts = 1_000_000 // of a chance
	switch {
	case r.Rate > 0:
		return []expr.Any{&expr.Limit{Type: expr.LimitTypePkts, Rate: uint64(r.Rate), Unit: expr.LimitTimeSecond, Burst: uint32(r.Burst), Over: true}}
	case r.Connections > 0:
		return []expr.Any{&expr.Connlimit{Count: uint32(r.Connections), Flags: expr.NFT_CONNLIMIT_F_INV}}
	case r.OneIn > 0:
		return []expr.Any{
			&expr.Numgen{Register: register, Modulus: uint32(r.OneIn), Type: unix.NFT_NG_INCREMENTAL},
			&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: native(0)},
		}
	case r.Chance > 0:
		return []expr.Any{
			&expr.Numgen{Register: register, Modulus: parts, Type: unix.NFT_NG_RANDOM},
			&expr.Byteorder{SourceRegister: register, DestRegister: register, Op: expr.ByteorderHton, Len: 4, Size: 4},
			&expr.Cmp{Op: expr.CmpOpLt, Register: register, Data: binaryutil.BigEndian.PutUint32(uint32(math.Round(r.Chance * parts)))},
		}
	}
	return nil
}

func isTCP() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{unix.IPPROTO_TCP}},
	}
}

// load takes bytes of the TCP header.
func load(at, size uint32) expr.Any {
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: at, Len: size}
}

func hasFlags(mask, value byte) []expr.Any { return masked(flagsAt, mask, value) }

func masked(at uint32, mask, value byte) []expr.Any {
	return []expr.Any{
		load(at, 1),
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 1, Mask: []byte{mask}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{value}},
	}
}

// withoutData are conditions of which one holds for a segment without data. nftables
// cannot subtract: so there is one for each length that a header of TCP can have,
// behind that of IPv4 without options and that of IPv6 without extensions.
func withoutData() (all [][]expr.Any) {
	const shortest, longest = 5, 15 // words of 4 bytes
	for _, ip := range []uint32{20, 40} {
		for words := uint32(shortest); words <= longest; words++ {
			all = append(all, append(
				append(hasFamily(ip), masked(offsetAt, 0xf0, byte(words<<4))...),
				&expr.Meta{Key: expr.MetaKeyLEN, Register: register},
				&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: native(ip + 4*words)},
			))
		}
	}
	return all
}

// hasFamily matches the family of IP whose header has that length.
func hasFamily(header uint32) []expr.Any {
	family := byte(nftables.TableFamilyIPv4)
	if header == 40 {
		family = byte(nftables.TableFamilyIPv6)
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{family}},
	}
}

// native is a number as the kernel keeps its own.
func native(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
