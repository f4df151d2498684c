package wire

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"listenq/internal/capture"
)

// recorder is a Tap that writes every frame to a file as it was sent and as it
// was delivered.
func recorder(b *testing.B) func(*Event) {
	file, err := os.Create(filepath.Join(b.TempDir(), "packets.pcapng"))
	must(b, err)
	b.Cleanup(func() { file.Close() })
	w, err := capture.NewWriter(file, time.Now(), "listenq", "client", "server")
	must(b, err)
	return func(e *Event) {
		if err := w.Packet(index(e.Side), e.T, e.Frame, ""); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkWire floods the wire with bare frames from the client's side, and
// reports how many it delivered: as fast as it takes them (paced: at
// most 512 on their way), and as fast as they can be sent (the kernel drops what finds
// the ring full, the wire refuses what finds no room). Every frame is decoded
// and written to a pcapng file, twice.
func BenchmarkWire(b *testing.B) {
	for _, bench := range []struct {
		name   string
		window int64
		listen bool
	}{
		{"paced", 512, false},
		{"unpaced", 1 << 40, false},
		{"paced-syn-flood", 512, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := newRig(b, recorder(b))
			r.run(b)
			frame := synFrame(r.client, r.server, 5, 0)
			if bench.listen {
				l := r.listen(b, r.server.Addrs[0])
				binary.BigEndian.PutUint16(frame[36:], uint16(l.Addr().(*net.TCPAddr).Port))
			}
			fd := sender(b, r.client)
			b.ReportAllocs()
			b.ResetTimer()
			for i := int64(0); b.Loop(); i++ {
				if bench.listen {
					renumber(frame, uint32(i))
				}
				if i%64 == 0 {
					r.await(i - bench.window)
				}
				if _, err := unix.Write(fd, frame); err != nil {
					b.Fatal(err)
				}
			}
			s := r.await(int64(b.N))
			s.report(b)
		})
	}
}

// await waits until n frames to the server have come to an end.
func (r *rig) await(n int64) Snapshot {
	for {
		s := r.Snapshot()
		t := s.ToServer.Hosts
		if int64(t.Delivered+t.Refused+s.ToServer.Dropped) >= n {
			return s
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// report reports both directions.
func (s Snapshot) report(b *testing.B) {
	hosts := s.ToServer.Hosts.Delivered + s.ToClient.Hosts.Delivered
	b.ReportMetric(float64(hosts)/b.Elapsed().Seconds(), "pkts/s")
	b.ReportMetric(float64(s.ToServer.Dropped+s.ToClient.Dropped), "ring-drops")
	b.ReportMetric(float64(s.ToServer.Retries+s.ToClient.Retries), "retries")
	b.ReportMetric(float64(s.ToServer.Hosts.Refused+s.ToClient.Hosts.Refused), "refused")
}

// renumber makes a SYN of synFrame another client's, with right checksums.
func renumber(frame []byte, n uint32) {
	binary.BigEndian.PutUint32(frame[26:], 10<<24|1<<16|n&0xffff)
	binary.BigEndian.PutUint16(frame[34:], uint16(1024+n>>16))
	binary.BigEndian.PutUint16(frame[24:], 0)
	var sum uint32
	for i := 14; i < 34; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(frame[i:]))
	}
	binary.BigEndian.PutUint16(frame[24:], ^uint16(sum+sum>>16))
	capture.FillChecksums(frame)
}

// BenchmarkTCP transfers data over one connection; one op is 64 KiB.
func BenchmarkTCP(b *testing.B) {
	r := newRig(b, recorder(b))
	r.run(b)
	c, s := r.connect(b, r.listen(b, r.server.Addrs[0]))
	go io.Copy(io.Discard, s)
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	r.Snapshot().report(b)
}

// BenchmarkPingPong sends one byte there and back on one connection: through
// the wire, and for comparison over lo.
func BenchmarkPingPong(b *testing.B) {
	b.Run("wire", func(b *testing.B) {
		r := newRig(b, func(*Event) {})
		r.run(b)
		r.pingPong(b)
	})
	b.Run("loopback", func(b *testing.B) {
		r := newRig(b, func(*Event) {})
		r.client.Netns = r.server.Netns
		alter(b, r.server.Netns, "lo", (*netlink.Handle).LinkSetUp)
		r.pingPong(b)
	})
}

func (r *rig) pingPong(b *testing.B) {
	c, s := r.connect(b, r.listen(b, r.server.Addrs[0]))
	go io.Copy(s, s)
	var took []time.Duration
	buf := make([]byte, 1)
	b.ResetTimer()
	for b.Loop() {
		began := time.Now()
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e3, "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100])/1e3, "p99-µs")
}

// BenchmarkConnect makes both veth pairs of an experiment.
func BenchmarkConnect(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		wire, client, server := newNetns(b), clientHost, serverHost
		client.Netns, server.Netns = newNetns(b), newNetns(b)
		b.StartTimer()
		must(b, Connect(wire, "client", client, server))
		must(b, Connect(wire, "server", server, client))
	}
}
