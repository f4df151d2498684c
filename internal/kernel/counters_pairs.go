package kernel

import (
	"bytes"
	"fmt"
)

// pairTable is what /proc/net/snmp6 says: a name and a value on each line,
//
//	Ip6InReceives                   	12
//
// (snmp6_seq_show_item, net/ipv6/proc.c).
type pairTable struct {
	known  []string // for each line
	values []uint64
}

func (t *pairTable) names() []string   { return t.known }
func (t *pairTable) numbers() []uint64 { return t.values }

func (t *pairTable) parse(text []byte) (renamed bool, err error) {
	t.values = t.values[:0]
	i := 0
	for ; len(text) > 0; i++ {
		var line []byte
		line, text = cutLine(text)
		name, rest := line, []byte(nil)
		if end := bytes.IndexAny(line, " \t"); end >= 0 {
			name, rest = line[:end], bytes.TrimLeft(line[end:], " \t")
		}
		value, ok := parseCounter(rest)
		if !ok || len(name) == 0 {
			*t = pairTable{}
			return false, fmt.Errorf("%w: no counter in %.40q", ErrCounters, line)
		}
		if i == len(t.known) || t.known[i] != string(name) {
			t.known, renamed = append(t.known[:i:i], string(name)), true
		}
		t.values = append(t.values, value)
	}
	if i < len(t.known) {
		t.known, renamed = t.known[:i:i], true
	}
	return renamed, nil
}
