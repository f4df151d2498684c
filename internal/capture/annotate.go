package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Words are what Annotate adds to a capture.
type Words struct {
	Comment func(number int) string // of a packet by its number; empty for none
	Names   map[netip.Addr]string   // shown for addresses, where the reader is asked to resolve them
}

// Annotate copies a capture to w as pcapng with words added. What is pcapng
// already is copied block by block with all that it holds; a simple packet block
// has no room for a comment and goes without. Several captures can be written one
// after the other: they are the sections of one file. The words are cut to what
// an option holds, bytes that are not UTF-8 are left out.
//
// A capture that is cut or damaged is copied up to there, and the *DamageError
// returned.
func Annotate(w io.Writer, r io.Reader, name string, words Words) error {
	c, err := NewReader(r, name)
	if err != nil {
		return err
	}
	a := annotator{r: c, w: bufio.NewWriterSize(w, windowSize), words: words}
	if len(c.interfaces) > 0 { // pcap names its only one in its header
		err = a.convert()
	} else {
		err = a.copy()
	}
	if err == io.EOF {
		err = nil
	}
	if flushed := a.w.Flush(); flushed != nil {
		err = errors.Join(err, fmt.Errorf("write annotated capture: %w", flushed))
	}
	return err
}

// annotator copies one capture.
type annotator struct {
	r     *Reader
	w     *bufio.Writer // keeps its first error until Flush
	words Words
	block []byte // that is being made
}

// copy copies the blocks of pcapng up to an error, or io.EOF.
func (a *annotator) copy() error {
	for {
		kind, body, err := a.r.block()
		if err != nil {
			return err
		}
		raw := a.r.ng.raw
		switch kind {
		case blockSection:
			a.section(raw)
		case blockPacket, blockOld:
			a.r.number++
			if err := a.packet(raw, body); err != nil {
				return err
			}
		case blockSimple, blockJournal:
			a.r.number++
			fallthrough
		default:
			_, _ = a.w.Write(raw)
		}
		a.r.window.take(len(raw))
	}
}

// section copies the header of a section but its length, which is no longer
// true, and puts the names behind it.
func (a *annotator) section(raw []byte) {
	const from, to = 16, 24
	unknown := [to - from]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	a.block = append(a.block[:0], raw...)
	if len(raw) >= to+blockTail {
		copy(a.block[from:to], unknown[:])
	}
	_, _ = a.w.Write(a.block)
	a.names(a.r.ng.order)
}

// packet copies the block of a packet with its comment put behind its other options.
func (a *annotator) packet(raw, body []byte) error {
	comment := fitting(a.words.Comment(a.r.number))
	if comment == "" {
		_, _ = a.w.Write(raw)
		return nil
	}
	o := a.r.ng.order
	var p Packet
	if len(body) < packetFixed {
		return a.r.damaged(shortPacket)
	}
	if wrong := p.frame(body[packetFixed:], o.u32(body[12:]), o.u32(body[16:])); wrong != "" {
		return a.r.damaged("%s", wrong)
	}
	end := len(raw) - blockTail - len(p.options)
	for _, value := range blockOptions(p.options, o) {
		end += 4 + (len(value)+3)&^3
	}
	a.block = append(a.block[:0], raw[:min(end, len(raw)-blockTail)]...)
	a.comment(o, comment)
	a.finish(o)
	return nil
}

// convert copies the packets of pcap up to an error, or io.EOF.
func (a *annotator) convert() error {
	const version, unknown = 1, ^uint32(0)
	o, i := little, a.r.interfaces[0]
	a.start(o, blockSection, orderMagic, version, unknown, unknown)
	a.finish(o)
	a.names(o)
	a.start(o, blockInterface, uint32(i.Link), uint32(i.SnapLen))
	a.option(o, optIfResolution, []byte{nano})
	a.finish(o)
	var p Packet
	for {
		if err := a.r.Next(&p); err != nil {
			return err
		}
		stamp := uint64(p.Time.UnixNano())
		a.start(o, blockPacket, 0, uint32(stamp>>32), uint32(stamp), uint32(len(p.Data)), uint32(p.Size))
		a.pad(p.Data)
		if comment := fitting(a.words.Comment(p.Number)); comment != "" {
			a.comment(o, comment)
		}
		a.finish(o)
	}
}

// names writes a name resolution block.
func (a *annotator) names(o order) {
	if len(a.words.Names) == 0 {
		return
	}
	const ipv4, ipv6 = 1, 2
	a.start(o, blockNames)
	for _, addr := range slices.SortedFunc(maps.Keys(a.words.Names), netip.Addr.Compare) {
		kind := uint16(ipv6)
		if addr.Is4() {
			kind = ipv4
		}
		value := append(addr.AsSlice(), strings.ReplaceAll(fitting(a.words.Names[addr]), "\x00", "")...)
		a.option(o, kind, append(value, 0))
	}
	a.option(o, optEndOfOpt, nil)
	a.finish(o)
}

// start begins a block, whose length comes at its end.
func (a *annotator) start(o order, kind uint32, fixed ...uint32) {
	a.block = o.append32(o.append32(a.block[:0], kind), 0)
	for _, v := range fixed {
		a.block = o.append32(a.block, v)
	}
}

// finish writes the block with its length.
func (a *annotator) finish(o order) {
	size := o.append32(nil, uint32(len(a.block)+blockTail))
	copy(a.block[4:], size)
	a.block = append(a.block, size...)
	_, _ = a.w.Write(a.block)
}

func (a *annotator) comment(o order, text string) {
	a.option(o, optComment, []byte(text))
	a.option(o, optEndOfOpt, nil)
}

func (a *annotator) option(o order, code uint16, value []byte) {
	a.block = o.append16(o.append16(a.block, code), uint16(len(value)))
	a.pad(value)
}

// pad appends bytes and fills up to a multiple of four.
func (a *annotator) pad(b []byte) {
	a.block = append(a.block, b...)
	a.block = append(a.block, make([]byte, -len(b)&3)...)
}

// fitting is the part of a text that an option holds.
func fitting(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxComment)], "")
}
