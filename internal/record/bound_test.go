package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/test/memory"
)

// TestCosts holds that an element of each array, and a member of each map, is counted for
// no less than it takes.
func TestCosts(t *testing.T) {
	const ofMap = 96 // bytes of an entry besides its key and value, at most
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of.PkgPath() == "time" || of.PkgPath() == "net/netip" || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			cost, need := answer.Cost(name), 0
			switch f.Type.Kind() {
			case reflect.Slice:
				need = int(f.Type.Elem().Size())
				look(f.Type.Elem())
			case reflect.Map:
				need = int(f.Type.Key().Size()+f.Type.Elem().Size()) + ofMap
				look(f.Type.Elem())
			default:
				look(f.Type)
			}
			if cost < need {
				t.Errorf("%v.%s: an element of %q costs %d, and takes %d", of, f.Name, name, cost, need)
			}
		}
	}
	for _, v := range []any{answer.Run{}, sampleJSON{}, Meta{}, SamplesMeta{}} {
		look(reflect.TypeOf(v))
	}
}

func TestDecodeBounds(t *testing.T) {
	elements := func(array string, n int) string { return strings.TrimSuffix(strings.Repeat(array+",", n), ",") }
	for _, tt := range []struct{ name, text, want string }{
		{"ten thousand connections", `{"connections":[` + elements(`{"name":"c1","story":[{"text":"a"},{"text":"b"}],"calls":[{}],"history":[{}]}`, 10_000) + `]}`, ""},
		{"a million connections", `{"connections":[` + elements("{}", 1<<20) + `]}`, "more memory than 96 MiB"},
		{"a million of null", `{"connections":[` + elements("null", 1<<20) + `]}`, "more memory than 96 MiB"},
		{"by an escaped name", `{"\u0063onnections":[` + elements("null", 1<<20) + `]}`, "more memory than 96 MiB"},
		{"by a name in capitals", `{"CONNECTIONS":[` + elements("null", 1<<20) + `]}`, "more memory than 96 MiB"},
		{"several times", `{` + elements(`"connections":[`+elements("{}", 1<<10)+`]`, 1<<10) + `}`, "more memory than 96 MiB"},
		{"members", `{"facts":{` + elements(`"a":1`, 1<<20) + `}}`, "more memory than 96 MiB"},
		{"members in an array", `{"facts":{"a":[` + elements(`{"a":1}`, 1<<20) + `]}}`, "more memory than 96 MiB"},
		{"members by a known name", `{"facts":{"story":[{` + elements(`"a":1`, 1<<20) + `}]}}`, "more memory than 96 MiB"},
		{"members by an odd name", `{"facts":{"A":[{` + elements(`"a":1`, 1<<20) + `}]}}`, "more memory than 96 MiB"},
		{"members of a value", `{"facts":[{"value":{"waiting":{` + elements(`"a":1`, 1<<20) + `}}}]}`, "more memory than 96 MiB"},
		{"members of an unknown name", `{"facts":{"a":{"a":{` + elements(`"a":1`, 1<<20) + `}}}}`, "more memory than 96 MiB"},
		{"depth", strings.Repeat("[", 100), "nested more than 32 deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeRun([]byte(tt.text))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestSamplesBounds holds the limits of samples.jsonl.
func TestSamplesBounds(t *testing.T) {
	line := func(n int) string { return fmt.Sprintf(`{"t_ns":%d}`, n+1) }
	repeat := func(element string, n int) string { return strings.TrimSuffix(strings.Repeat(element+",", n), ",") }
	var samples, large []string
	for i := range maxCount + 1 {
		samples = append(samples, line(i))
	}
	process := `{"pid":1,"name":"p","command":["` + strings.Repeat("x", 200_000) + `"]}`
	for i := range maxKept/200_000 + 1 {
		large = append(large, fmt.Sprintf(`{"t_ns":%d,"listeners":[{"address":"1.2.3.4:5","processes":[%s]}]}`, i+1, process))
	}
	for _, tt := range []struct{ name, text, want string }{
		{"samples", strings.Join(samples, "\n"), "more than 16384 samples"},
		{"listeners", `{"t_ns":1,"listeners":[` + repeat(`{"address":"1.2.3.4:5"}`, maxListeners+1) + `]}`, "more than 65536 listeners"},
		{"namespaces", `{"t_ns":1,"namespaces":[` + repeat(`{"netns":1}`, maxSpaces+1) + `]}`, "more than 16384 network namespaces"},
		{"memory", strings.Join(large, "\n"), "more than 224 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := decodeSamples(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestWaitsAreSorted: what is judged by waits takes the longest to be the first.
func TestWaitsAreSorted(t *testing.T) {
	all, err := decodeSamples(strings.NewReader(`{"t_ns":1,"listeners":[{"address":"1.2.3.4:5","waiting":{"waits_ms":[1,3,2]}}]}`))
	if err != nil || all[0].Listeners[0].Waiting.Waits[0] != 3*time.Millisecond {
		t.Errorf("%+v, %v", all, err)
	}
}

// FuzzDecode: whatever the files of a recording hold, reading them takes little memory, and
// leaves nothing in the texts of a run that a terminal obeys.
func FuzzDecode(f *testing.F) {
	whole, err := json.Marshal(answer.Run{Scenario: "b2", Connections: []answer.RunConnection{{Name: "a", Story: []answer.Line{{Text: "x"}}}}, Counters: answer.Counters{Server: map[string]answer.Movement{"TcpX": {}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"schema":"listenq/recording/v1","kind":"samples","started":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"t_ns":1,"listeners":[{"address":"[fe80::1%\u001b]:1"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return // a million bytes may take 96 MiB
		}
		defer memory.Bound(t)()
		var meta SamplesMeta
		_ = answer.DecodeVerbatim(text, MetaFile, &meta)
		_, _ = decodeSamples(strings.NewReader(string(text)))
		if run, err := DecodeRun(text); err == nil {
			if _, err := json.Marshal(run); err != nil {
				t.Error(err)
			}
		}
	})
}
