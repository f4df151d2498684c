package explain_test

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"listenq/internal/answer"
	"listenq/internal/capture"
	"listenq/internal/explain"
)

var (
	client = netip.MustParseAddrPort("10.0.0.1:40000")
	server = netip.MustParseAddrPort("10.0.0.2:8080")
	start  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// ms is n milliseconds.
func ms(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// tape is a capture that is being made.
type tape struct {
	hops   map[netip.Addr]uint8 // routers between a host and the capture
	t      testing.TB
	buffer bytes.Buffer
	w      *capture.Writer
	twice  bool          // each packet comes on both interfaces
	shift  time.Duration // of the clock that stamps
}

func newTape(t testing.TB, interfaces ...string) *tape {
	t.Helper()
	if len(interfaces) == 0 {
		interfaces = []string{"eth0"}
	}
	tp := &tape{t: t}
	w, err := capture.NewWriter(&tp.buffer, start, "test", interfaces...)
	if err != nil {
		t.Fatal(err)
	}
	tp.w = w
	return tp
}

// put adds a segment: its flags as in "S", "SA", "A", "PA", "R", "F"; "T" is the option of
// Fast Open.
func (tp *tape) put(at time.Duration, from, to netip.AddrPort, flags string, seq, ack uint32, data string) {
	tp.t.Helper()
	tcp := layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()), Seq: seq, Ack: ack, Window: 64240}
	for _, f := range flags {
		switch f {
		case 'S':
			tcp.SYN = true
		case 'A':
			tcp.ACK = true
		case 'P':
			tcp.PSH = true
		case 'R':
			tcp.RST = true
		case 'F':
			tcp.FIN = true
		}
	}
	if tcp.SYN {
		tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}
	}
	if strings.Contains(flags, "T") {
		cookie := layers.TCPOption{OptionType: 34, OptionLength: 10, OptionData: []byte("a cookie")}
		tcp.Options = append(tcp.Options, cookie)
	}
	ip := layers.IPv4{Version: 4, TTL: 64 - tp.hops[from.Addr()], Protocol: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
	if err := tcp.SetNetworkLayerForChecksum(&ip); err != nil {
		tp.t.Fatal(err)
	}
	ether := layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	frame := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(frame, options, &ether, &ip, &tcp, gopacket.Payload(data)); err != nil {
		tp.t.Fatal(err)
	}
	if err := tp.w.Packet(0, at+tp.shift, frame.Bytes(), ""); err != nil {
		tp.t.Fatal(err)
	}
	if !tp.twice {
		return
	}
	if err := tp.w.Packet(1, at+tp.shift+50*time.Microsecond, frame.Bytes(), ""); err != nil {
		tp.t.Fatal(err)
	}
}

// waits are how long a server and a client take to answer, as a place of capture sees it.
type waits struct{ server, client time.Duration }

var (
	atServer = waits{ms(0.1), ms(20)}
	atClient = waits{ms(20), ms(0.1)}
	halfway  = waits{ms(10), ms(10)}
)

// connect adds a handshake and a request with its answer.
func (tp *tape) connect(at time.Duration, c, s netip.AddrPort, w waits) {
	tp.t.Helper()
	tp.put(at, c, s, "S", 1000, 0, "")
	at += w.server
	tp.put(at, s, c, "SA", 5000, 1001, "")
	at += w.client
	tp.put(at, c, s, "A", 1001, 5001, "")
	tp.put(at+ms(0.01), c, s, "PA", 1001, 5001, "hello")
	at += w.server + ms(0.02)
	tp.put(at, s, c, "A", 5001, 1006, "")
	tp.put(at+ms(0.01), s, c, "PA", 5001, 1006, "world")
}

// bytes are the capture file.
func (tp *tape) bytes() []byte {
	tp.t.Helper()
	if err := tp.w.Flush(); err != nil {
		tp.t.Fatal(err)
	}
	return tp.buffer.Bytes()
}

func (tp *tape) input(name string) explain.Input {
	return explain.Input{Name: name, Data: bytes.NewReader(tp.bytes())}
}

// captures explains without an error.
func captures(t *testing.T, o explain.Options, inputs ...explain.Input) *answer.Explanation {
	t.Helper()
	r, err := explain.Captures(context.Background(), inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// port is an address with another port.
func port(a netip.AddrPort, p int) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), uint16(p)) }
