package record

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"listenq/internal/queue"
)

// twoSamples is a host with one namespace whose counters move and whose listener fills.
func twoSamples() []queue.Sample {
	at := time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)
	names := []string{"TcpExtListenDrops", "TcpExtListenOverflows"}
	sysctls := map[string]string{"net.core.somaxconn": "4096"}
	first := queue.Sample{
		T: time.Second, Time: at, Kernel: "6.18.0",
		Namespaces: []queue.Namespace{{ID: 7, Name: "web\x1b[2J", Host: true, Sysctls: sysctls, Counters: queue.Counters{T: time.Second, Names: names, Values: []uint64{0, 0}}}},
		Listeners: []queue.Listener{
			{
				Address: netip.MustParseAddrPort("[::]:8080"), Netns: 7, Inode: 3, Cookie: 1<<63 + 1, DualStack: true, UID: 33, AcceptLen: 4, AcceptLimit: 128,
				SynLen: queue.Known(0), Drops: queue.Known(2), Shared: 2,
				Waiting:   &queue.Waiting{Waits: []time.Duration{1500 * time.Millisecond}, Len: 1, Closed: 1, Age: time.Millisecond},
				Processes: []queue.Process{{PID: 12, Name: "a\"<\xff", Command: []string{"x"}, State: "T", Files: queue.Known(1024), MaxFiles: queue.Known(0), Threads: []queue.Thread{{Name: "t", State: "S", Wait: "futex"}}}},
			},
			{Address: netip.MustParseAddrPort("127.0.0.1:1"), Netns: 7, AcceptLimit: queue.NoLimit},
		},
		Missing: []queue.Missing{{What: "owners", Why: "no right", Hint: "sudo"}},
	}
	second := first
	second.T, second.Time = 2*time.Second, at.Add(time.Second)
	second.Namespaces = []queue.Namespace{{ID: 7, Name: "web\x1b[2J", Host: true, Sysctls: sysctls, Counters: queue.Counters{T: 2 * time.Second, Names: names, Values: []uint64{0, 5}}}}
	return []queue.Sample{first, second}
}

func TestSamplesRoundTrip(t *testing.T) {
	dir, err := WriteSamples(t.TempDir(), "top", SamplesMeta{Tool: "listenq test"}, twoSamples())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", MetaFile, SamplesFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %q: %v, %v", name, info, err)
		}
	}
	got, err := ReadSamples(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := twoSamples()
	for i := range want { // JSON has no bytes that are not UTF-8
		want[i].Listeners[0].Processes[0].Name = "a\"<\uFFFD"
	}
	if diff := cmp.Diff(want, got.All, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	if got.Meta.Kind != SamplesKind || got.Meta.Kernel != "6.18.0" || !got.Meta.Started.Equal(want[0].Time) {
		t.Errorf("meta is %+v", got.Meta)
	}
}

// TestSamplesWriteWhatMoved holds recordings of many namespaces small.
func TestSamplesWriteWhatMoved(t *testing.T) {
	var out bytes.Buffer
	if err := encodeSamples(&out, twoSamples()); err != nil {
		t.Fatal(err)
	}
	_, second, _ := strings.Cut(out.String(), "\n")
	if strings.Contains(second, "somaxconn") || !strings.Contains(second, `"counters":{"TcpExtListenOverflows":5}`) {
		t.Errorf("the second line is %s", second)
	}
}

func TestReadSamplesRefuses(t *testing.T) {
	const meta = `{"schema":"listenq/recording/v1","kind":"samples"}`
	for _, test := range []struct{ name, meta, samples, want string }{
		{"another schema", `{"schema":"listenq/recording/v2","kind":"samples"}`, "", "is not"},
		{"an experiment", `{"schema":"listenq/recording/v1"}`, "", ErrNoSamples.Error()},
		{"no JSON", meta, "{\"t_ns\":1}\nhello\n", "samples.jsonl:2"},
		{"no address", meta, `{"t_ns":1,"listeners":[{"address":""}]}`, "without an address"},
		{"a length below 0", meta, `{"t_ns":1,"listeners":[{"address":"1.2.3.4:5","accept_len":-1}]}`, "below 0"},
		{"back in time", meta, "{\"t_ns\":2}\n{\"t_ns\":1}\n", "samples.jsonl:2: its time"},
		{"a long line", meta, strings.Repeat("x", maxLine+1), "samples.jsonl:1: bufio.Scanner: token too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{MetaFile: test.meta, SamplesFile: test.samples} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ReadSamples(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestReadSamplesBudget holds that a small file cannot make a large history: each
// line that moves one counter copies them all.
func TestReadSamplesBudget(t *testing.T) {
	d := decoder{before: namespaces{}, counters: 5, memory: 1 << 20}
	if _, err := d.sample([]byte(`{"t_ns":1,"namespaces":[{"netns":1,"counters":{"a":1,"b":1,"c":1}}]}`), "a line"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sample([]byte(`{"t_ns":2,"namespaces":[{"netns":1,"counters":{"a":2}}]}`), "a line"); err == nil {
		t.Error("the budget is spent, and it goes on")
	}
}

func TestReadSamplesNotThere(t *testing.T) {
	if _, err := ReadSamples(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzSamples(f *testing.F) {
	var out bytes.Buffer
	if err := encodeSamples(&out, twoSamples()); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("{\"t_ns\":1,\"namespaces\":[{\"netns\":1,\"counters\":{\"a\":1}}]}\n{\"t_ns\":2,\"namespaces\":[{\"netns\":1}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := decodeSamples(bytes.NewReader(text))
		if err != nil {
			return
		}
		history := queue.NewHistory(time.Minute)
		for i := range all {
			history.Add(&all[i])
		}
		var again bytes.Buffer
		if err := encodeSamples(&again, all); err != nil && !strings.Contains(err.Error(), "year outside") {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
