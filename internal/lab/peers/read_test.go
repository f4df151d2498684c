package peers

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
)

// A real line of ss, word by word.
func TestReadSs(t *testing.T) {
	all, err := readSs(fixture(t, "ss"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"state": "LISTEN", "recv_q": "3", "send_q": "2", "local": "0.0.0.0:8080", "remote": "0.0.0.0:0",
		"uid": "1000", "ino": "3895120", "cgroup": "unreachable:1", "direction": "<->",
		"skmem_r": "0", "skmem_rb": "131072", "skmem_t": "0", "skmem_tb": "16384", "skmem_f": "0",
		"skmem_w": "0", "skmem_o": "0", "skmem_bl": "0", "skmem_d": "1", "bbr": "yes", "cwnd": "10", "unacked": "3",
	}
	if diff := cmp.Diff(want, all["daccb"].fields); diff != "" {
		t.Errorf("listener (-want +got):\n%s", diff)
	}
	if all["daccb"].of != "LISTEN 0.0.0.0:8080" || len(all) != 9 {
		t.Errorf("%q of %d sockets", all["daccb"].of, len(all))
	}
	syn := all["dacd1"].fields
	if got := []string{syn["timer"], syn["expires"], syn["timer_retrans"], syn["rto"]}; !cmp.Equal(got, []string{"on", "984", "0", "1000"}) {
		t.Errorf("timer of SYN_SENT %q", got)
	}
}

func TestSsTime(t *testing.T) {
	tests := []struct {
		text  string
		after time.Duration // of the kernel
		want  int
	}{
		{"900ms", 900 * time.Millisecond, 900},
		{"1.234ms", 1234 * time.Millisecond, 1234},
		{"3.004ms", 3004 * time.Millisecond, 3004},
		{"12sec", 12345 * time.Millisecond, 12000},
		{"1min59sec", 119999 * time.Millisecond, 119000},
		{"10min", 659 * time.Second, 600000},
		{"", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := ssTime(tt.text); got != tt.want || err != nil {
				t.Errorf("read as %d ms, %v, want %d", got, err, tt.want)
			}
			if got := ssRounded(int(tt.after.Milliseconds())); got != tt.want {
				t.Errorf("%v rounded to %d ms, want %d", tt.after, got, tt.want)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		text, want string
		read       func(string) (string, error)
	}{
		{"*:81", "[::]:81", ssText},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1:80", ssText},
		{"127.0.0.1%lo:80", "127.0.0.1:80", ssText},
		{"[fe80::1]%eth0:80", "[fe80::1]:80", ssText},
		{"0.0.0.0:*", "0.0.0.0:0", ssText},
		{":::81", "[::]:81", netstatText},
		{":::*", "[::]:0", netstatText},
		{"2001:db8::2:8080", "[2001:db8::2]:8080", netstatText},
		{"::ffff:192.0.2.1:80", "192.0.2.1:80", netstatText},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if got, err := tt.read(tt.text); got != tt.want || err != nil {
				t.Errorf("%s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func ssText(s string) (string, error)      { a, err := ssAddress(s); return a.String(), err }
func netstatText(s string) (string, error) { a, err := netstatAddress(s); return a.String(), err }

// What is not an output of the program is an error, not a comparison of nothing.
func TestMalformed(t *testing.T) {
	tests := []struct{ program, name, text string }{
		{"ss", "another state", strings.Replace(fixture(t, "ss"), "LISTEN", "LISTENING", 1)},
		{"ss", "no cookie", "LISTEN 0 2 *:81 *:* ino:1\n"},
		{"ss", "short line", "LISTEN 0 2 *:81\n"},
		{"ss", "port", "LISTEN 0 2 *:81000 *:* sk:1\n"},
		{"ss", "timer", "SYN-SENT 0 1 *:81 *:82 timer:(on,soon,0) sk:1\n"},
		{"netstat", "empty", ""},
		{"netstat", "short line", "tcp 0 0 :::81 :::*\n"},
		{"netstat", "address", "tcp 0 0 localhost:81 :::* LISTEN\n"},
		{"nstat", "empty", ""},
		{"nstat", "other JSON", `{"user":{}}`},
		{"nstat", "negative", `{"kernel":{"TcpInSegs":-1}}`},
	}
	for _, tt := range tests {
		t.Run(tt.program+" "+tt.name, func(t *testing.T) {
			p, _ := Named(tt.program)
			if _, err := p.Compare(tt.text, Look{}, Look{}); !errors.Is(err, ErrOutput) {
				t.Errorf("error %v, want %v", err, ErrOutput)
			}
		})
	}
}

// struct tcp_info in the words of ss.
func TestInfoOfSs(t *testing.T) {
	info := make(kernel.TCPInfo, 232)
	info[5], info[6] = 1|2|4, 10<<4|7 // timestamps, SACK, window scale 7 and 10
	info[7] = 1                       // app_limited
	for offset, v := range map[int]uint32{8: 204_000, 16: 1448, 68: 35, 72: 17, 76: 0x7fffffff, 80: 10, 92: 1_234_567, 100: 2, 148: 1<<32 - 1} {
		binary.NativeEndian.PutUint32(info[offset:], v)
	}
	binary.NativeEndian.PutUint64(info[104:], 1<<64-1) // pacing_rate: none
	binary.NativeEndian.PutUint64(info[160:], 125)     // delivery_rate in bytes
	binary.NativeEndian.PutUint64(info[168:], 999)     // busy_time
	got := ssOf(&kernel.Socket{State: evidence.Established, Info: info, Timer: kernel.TimerRetransmit, Expires: 12345 * time.Millisecond, Retransmits: 1})
	for field, want := range map[string]string{
		"ts": "yes", "sack": "yes", "ecn": "", "wscale": "7,10", "app_limited": "yes", "rto": "204", "mss": "1448",
		"rtt": "0.035", "rttvar": "0.017", "ssthresh": "", "cwnd": "10", "rcv_rtt": "1234.57", "total_retrans": "2", "minrtt": "",
		"pacing_rate": "", "delivery_rate": "1000", "busy": "0", "timer": "on", "expires": "12000", "timer_retrans": "1",
	} {
		if value, ok := got[field]; !ok || value != want {
			t.Errorf("%s is %q (%t), want %q", field, value, ok, want)
		}
	}
	if _, ok := got["rcv_wnd"]; ok {
		t.Errorf("rcv_wnd, which this kernel does not give, is known")
	}
	listener := ssOf(&kernel.Socket{State: evidence.Listen, Info: info})
	if _, ok := listener["sacked"]; ok {
		t.Errorf("sacked of a listener is expected")
	}
}

// fuzz checks that an output is read or refused, and that what is read agrees with itself.
func fuzz(f *testing.F, program string, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	p, _ := Named(program)
	f.Fuzz(func(t *testing.T, output string) {
		shown, err := p.read(output)
		if err != nil {
			return
		}
		if o := compared(shown, shown, shown); len(o.Differences) > 0 {
			t.Errorf("differs from itself: %+v", o.Differences)
		}
	})
}

func FuzzSs(f *testing.F) {
	fuzz(f, "ss", strings.SplitAfter(fixture(f, "ss"), "\n")...)
}

func FuzzNetstat(f *testing.F) {
	fuzz(f, "netstat", strings.SplitAfter(fixture(f, "netstat"), "\n")...)
}

func FuzzNstat(f *testing.F) {
	fuzz(f, "nstat", `{"kernel":{"TcpInSegs":14,"Ip6InReceives":0}}`)
}
