package capture

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"
)

// TestGiantBlocks: what is longer than the window is read, and what is only
// announced takes no memory.
func TestGiantBlocks(t *testing.T) {
	head := slices.Concat(sectionBlock(little), interfaceBlock(little, Ethernet, 0))
	giant := append(bytes.Clone(syn), make([]byte, 3*windowSize)...)
	file := slices.Concat(head, packetBlock(little, 0, 1, syn, 0), packetBlock(little, 0, 2, giant, 0), packetBlock(little, 0, 3, syn, 0))
	got, _, err := readAll(bytes.NewReader(file))
	if err != nil || len(got) != 3 || !bytes.Equal(got[1].Data, giant) || !bytes.Equal(got[2].Data, syn) {
		t.Errorf("%d packets, %v", len(got), err)
	}

	announced := slices.Concat(head, numbers(little, blockPacket, maxBlock, 0, 0, 0, maxBlock-100, maxBlock-100))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = readAll(bytes.NewReader(announced))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; err == nil || grown > 2*windowSize {
		t.Errorf("%d bytes for a packet that is not there, and %v", grown, err)
	}
}

// TestManyComments: an interface that is all empty comments is not believed.
func TestManyComments(t *testing.T) {
	file := append(sectionBlock(little), interfaceBlock(little, Ethernet, 0, bytes.Repeat(opt(little, optComment, nil), 1<<20))...)
	_, interfaces, err := readAll(bytes.NewReader(file))
	if err != nil || len(interfaces[0].Comments) != maxComments {
		t.Errorf("%d comments, %v", len(interfaces[0].Comments), err)
	}
}

// TestFlat reads a long file through what was made for a short one.
func TestFlat(t *testing.T) {
	packet := packetBlock(little, 0, 1, append(bytes.Clone(syn), make([]byte, 1400)...), 0)
	parts := []io.Reader{bytes.NewReader(sectionBlock(little)), bytes.NewReader(interfaceBlock(little, Ethernet, 0))}
	block := bytes.Repeat(packet, 100)
	const blocks = 500 // 73 MB
	for range blocks {
		parts = append(parts, bytes.NewReader(block))
	}
	r, err := NewReader(io.MultiReader(parts...), "file")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var p Packet
	for err = r.Next(&p); err == nil; err = r.Next(&p) {
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; err != io.EOF || p.Number != 100*blocks || grown > windowSize {
		t.Errorf("%d packets, %v, %d bytes", p.Number, err, grown)
	}
}
