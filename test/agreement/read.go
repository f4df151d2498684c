package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/evidence"
	"listenq/internal/record"

	"github.com/gopacket/gopacket/pcapgo"
)

// recording is what is compared of one experiment.
type recording struct {
	scenario    string
	incomplete  bool // the wire lost sight of frames: neither the result nor the packets hold all
	loopback    bool // both sides are captured at one place
	packets     []evidence.Packet
	frames      []frame         // the same, as they were captured
	speaks      map[string]bool // servers that have sent data, or closed
	end         time.Duration   // when the last was observed of it
	connections []answer.RunConnection
}

func read(dir string) (*recording, error) {
	var meta record.Meta
	var run answer.Run
	for name, v := range map[string]any{"meta.json": &meta, "result.json": &run} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, v); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", dir, name, err)
		}
	}
	r := &recording{scenario: run.Scenario, connections: run.Connections, speaks: map[string]bool{}, incomplete: lostFrames(run.Missing)}
	if err := r.readPackets(filepath.Join(dir, "packets.pcapng"), meta.Started); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := r.readEnd(filepath.Join(dir, "events.jsonl")); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return r, nil
}

func lostFrames(missing []answer.Missing) bool {
	return slices.ContainsFunc(missing, func(m answer.Missing) bool { return strings.HasSuffix(m.What, " frames") })
}

// readEnd finds when the last was observed, which the results mention: a capture would
// have gone on until then. A call is recorded when it has returned, as of its beginning.
func (r *recording) readEnd(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for events := json.NewDecoder(file); ; {
		var event struct {
			T time.Duration `json:"t_ns"`
		}
		switch err := events.Decode(&event); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		r.end = max(r.end, event.T)
	}
}

// readPackets reads the TCP segments of a recording, on the clock of its results. The
// lab writes those of its two sides as it comes to them; captures are merged by time.
func (r *recording) readPackets(path string, started time.Time) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	ng, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		return err
	}
	for number := 1; ; number++ {
		data, info, err := ng.ReadPacketData()
		if errors.Is(err, io.EOF) {
			slices.SortStableFunc(r.packets, func(a, b evidence.Packet) int { return cmp.Compare(a.T, b.T) })
			return nil
		}
		if err != nil {
			return err
		}
		side, err := r.side(ng, info.InterfaceIndex)
		if err != nil {
			return err
		}
		r.frames = append(r.frames, frame{info.Timestamp.Sub(started), side, data, info.Length})
		p := evidence.Packet{Number: number, T: info.Timestamp.Sub(started), Side: side}
		if capture.Decode(data, &p) {
			r.packets = append(r.packets, p)
			if p.Len > 0 || p.Flags.Has(evidence.FIN) {
				r.speaks[p.Src.String()] = true
			}
		}
	}
}

// side is where the packets of an interface were seen.
func (r *recording) side(ng *pcapgo.NgReader, index int) (evidence.Side, error) {
	iface, err := ng.Interface(index)
	if err != nil {
		return 0, err
	}
	switch iface.Name {
	case "client":
		return evidence.ClientSide, nil
	case "server":
		return evidence.ServerSide, nil
	case "lo":
		r.loopback = true
		return bothSides, nil
	}
	return 0, fmt.Errorf("interface %q is no side of an experiment", iface.Name)
}
