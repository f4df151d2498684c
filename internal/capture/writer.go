package capture

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Writer writes Ethernet frames to a pcapng file, with stamps of nanoseconds.
// It is not safe for concurrent use.
type Writer struct {
	ng    *pcapgo.NgWriter
	start time.Time
}

// bufferSize holds about 500 frames without payload: one write(2) for them.
// pcapgo takes over a bufio.Writer that is larger than its own 4 KiB.
const bufferSize = 64 << 10

// NewWriter starts a file on w: written by tool, with the named interfaces
// (at least one). Stamps of packets count from start.
func NewWriter(w io.Writer, start time.Time, tool string, interfaces ...string) (*Writer, error) {
	if len(interfaces) == 0 {
		return nil, fmt.Errorf("write pcapng: no interface named")
	}
	section := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{
		Hardware:    runtime.GOARCH,
		OS:          runtime.GOOS,
		Application: tool,
	}}
	ng, err := pcapgo.NewNgWriterInterface(bufio.NewWriterSize(w, bufferSize), ethernet(interfaces[0]), section)
	if err != nil {
		return nil, fmt.Errorf("write pcapng header: %w", err)
	}
	for _, name := range interfaces[1:] {
		if _, err := ng.AddInterface(ethernet(name)); err != nil {
			return nil, fmt.Errorf("write pcapng interface %s: %w", name, err)
		}
	}
	return &Writer{ng: ng, start: start}, nil
}

// ethernet describes an interface by its name.
func ethernet(name string) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet}
}

// maxComment keeps the length of an option within its 16 bits.
const maxComment = 1<<16 - 4

// Packet adds a frame that was seen at t since the start on the interface of
// that number, in the order they were named, from 0. The comment may be empty;
// one of more than 64 KiB is cut, and bytes that are not UTF-8 are left out. Without a comment nothing is allocated.
func (w *Writer) Packet(iface int, t time.Duration, frame []byte, comment string) error {
	info := gopacket.CaptureInfo{
		Timestamp:      w.start.Add(t),
		CaptureLength:  len(frame),
		Length:         len(frame),
		InterfaceIndex: iface,
	}
	var options pcapgo.NgPacketOptions
	if comment != "" {
		options.Comments = []string{fitting(comment)}
	}
	if err := w.ng.WritePacketWithOptions(info, frame, options); err != nil {
		return fmt.Errorf("write packet: %w", err)
	}
	return nil
}

// Flush hands everything written so far to the underlying writer.
func (w *Writer) Flush() error {
	if err := w.ng.Flush(); err != nil {
		return fmt.Errorf("flush pcapng: %w", err)
	}
	return nil
}
