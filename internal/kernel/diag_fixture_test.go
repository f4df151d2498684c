package kernel

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"listenq/internal/evidence"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var recordDump = flag.Bool("record", false, "record a dump of this kernel into testdata/dumps")

// Each file of testdata/dumps is what one kernel answered: the datagrams, each
// after its length in 32 bits, little end first; and beside it, as text, what is to
// be read in it.
func TestRecordedDumps(t *testing.T) {
	if *recordDump {
		record(t)
	}
	files, err := filepath.Glob("testdata/dumps/*.netlink")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("no dump was recorded")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dump, err := os.ReadFile(file)
			check(t, err)
			got := replay(t, dump)
			golden := strings.TrimSuffix(file, ".netlink") + ".txt"
			if *recordDump {
				check(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			check(t, err)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("sockets (-want +got):\n%s", diff)
			}
		})
	}
}

// replay is a recorded dump as text, a socket a line.
func replay(t *testing.T, b []byte) string {
	t.Helper()
	var text strings.Builder
	a := answer{seq: 1, socket: new(Socket), visit: func(s *Socket) error {
		fmt.Fprintf(&text, "%-12s family %2d  %s <- %s  inode %d uid %d cookie %d dual %t  queues %d %d  timer %s %v %d  drops %v",
			s.State, s.Family, s.Local, s.Remote, s.Inode, s.UID, s.Cookie, s.DualStack, s.RecvQ, s.SendQ,
			s.Timer, s.Expires, s.Retransmits, s.Memory.Drops())
		if wait, ok := s.Info.LastDataSent(); ok {
			fmt.Fprintf(&text, "  last data sent %v", wait)
		}
		fmt.Fprintln(&text)
		return nil
	}}
	for len(b) > 0 {
		size := binary.LittleEndian.Uint32(b)
		check(t, a.part(b[4:4+size]))
		b = b[4+size:]
	}
	if !a.done {
		t.Error("the dump has no end")
	}
	check(t, a.err)
	return text.String()
}

// record makes a scene and records its dump.
func record(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	scene(t, ns, d, "127.0.0.1:81", "127.0.0.1:81")
	scene(t, ns, d, "[::]:83", "127.0.0.1:83")
	_, addr := ns.listen(t, "[::1]:84", 0) // full, and has dropped
	ns.connect(t, addr)
	await(t, d, Request{States: States(evidence.Established), LocalPort: addr.Port()}, func(s []Socket) bool { return len(s) == 1 })
	ns.connectDeaf(t, addr)
	await(t, d, Request{States: listenOnly, LocalPort: addr.Port(), Memory: true}, func(s []Socket) bool { return s[0].Memory.Drops().N > 0 })

	_, err := unix.Write(d.fd, everything.append(nil, 1))
	check(t, err)
	var recorded []byte
	for {
		n, err := unix.Read(d.fd, d.in)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		check(t, err)
		recorded = append(binary.LittleEndian.AppendUint32(recorded, uint32(n)), d.in[:n]...)
	}
	var name unix.Utsname
	check(t, unix.Uname(&name))
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	check(t, os.MkdirAll("testdata/dumps", 0o755))
	check(t, os.WriteFile("testdata/dumps/linux-"+release+"-"+unix.ByteSliceToString(name.Machine[:])+".netlink", recorded, 0o644))
}
