package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"listenq/internal/answer"
	"listenq/internal/explain"
	"listenq/internal/judge"
)

// compareAt explains the capture that somebody might have taken at a point, as `listenq
// explain` does: it finds the place of capture, and what is missing, by itself.
func (r *recording) compareAt(p point, detail io.Writer) (tally, error) {
	var t tally
	if r.loopback {
		return t, nil // it is captured at one place, whatever the point
	}
	frames := slices.Clone(r.frames)
	slices.SortStableFunc(frames, func(a, b frame) int { return cmp.Compare(a.T, b.T) })
	taken := p.take(frames)
	part := spanOf(taken)
	file := explain.Input{Name: p.name, Data: bytes.NewReader(pcap(taken))}
	report, err := explain.Captures(context.Background(), []explain.Input{file}, explain.Options{Connections: 1 << 20})
	if err != nil {
		return t, fmt.Errorf("%s, %s: %w", r.scenario, p.name, err)
	}
	listed := map[[2]string][]answer.Connection{}
	for _, c := range report.Connections {
		key := [2]string{c.Client, c.Server}
		listed[key] = append(listed[key], c)
	}
	for _, c := range r.connections {
		key := [2]string{c.Client, c.Server}
		if len(listed[key]) == 0 {
			t.none++
			continue
		}
		got := listed[key][0]
		listed[key] = listed[key][1:]
		v := judge.Verdict{Reading: got.Reading.Reading, Alternatives: got.Alternatives, Confidence: got.Confidence}
		if grade := t.grade(v, part.truths(&c)...); grade != "" && grade != "not first" {
			fmt.Fprintf(detail, "%-12s %s %s %s: is %v, told %v %s, or %v\n", grade, r.scenario, p.name, c.Name, part.truths(&c), v.Reading, v.Confidence, v.Alternatives)
		}
	}
	truths := r.truths(part)
	for _, l := range report.Listeners {
		k := truths[l.Address]
		if k != nil && l.Confidence != judge.Possible && !k.allows(l.Finding) {
			t.listeners++
			fmt.Fprintf(detail, "CONTRADICTED %s %s listener: is %v, told %s %s\n", r.scenario, p.name, k.causes, l.Finding, l.Confidence)
		}
	}
	return t, nil
}

// spanOf is the time that frames are of.
func spanOf(frames []frame) (s span) {
	for i, f := range frames {
		if i == 0 || f.T < s.from {
			s.from = f.T
		}
		s.to = max(s.to, f.T)
	}
	return s
}

// pcap is a capture file of frames of Ethernet in nanoseconds, as pcap-savefile(5) has it.
func pcap(frames []frame) []byte {
	const magic, version, linkEthernet = 0xa1b23c4d, 2 | 4<<16, 1
	var b []byte
	for _, n := range []uint32{magic, version, 0, 0, 1 << 16, linkEthernet} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	for _, f := range frames {
		at := f.T + time.Hour // which keeps what was moved before the beginning positive
		for _, n := range []int{int(at / time.Second), int(at % time.Second), len(f.Data), f.Length} {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		b = append(b, f.Data...)
	}
	return b
}
