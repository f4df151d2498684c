package hostile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
)

// What a recording or a capture may cost, whoever made it.
const (
	mostMemory = 512 << 20
	mostTime   = 30 * time.Second
)

// read runs listenq on something hostile. It has to end in time, in bounds, with an exit
// code of its own, and with nothing that a terminal obeys.
func (u user) read(t *testing.T, dir string, args ...string) result {
	t.Helper()
	debug.FreeOSMemory()
	check(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // a child's peak begins with that of its parent (mm_release, exec_mmap)
	began := time.Now()
	r := u.run(t, dir, args...)
	took := time.Since(began)
	t.Logf("listenq %s: exit code %d, %d MiB, %v: %.100s", args[0], r.code, r.peak>>20, took.Round(time.Millisecond), r.stderr)
	if r.peak > mostMemory {
		t.Errorf("listenq %q had %d MiB of memory", args, r.peak>>20)
	}
	if took > mostTime {
		t.Errorf("listenq %q took %v", args, took)
	}
	if r.code < 0 || r.code > 3 || strings.Contains(r.stderr, "goroutine ") {
		t.Errorf("listenq %q: exit code %d\n%.2000s", args, r.code, r.stderr)
	}
	inert(t, r.stdout)
	inert(t, r.stderr)
	return r
}

// inert fails if a text holds what a terminal may obey.
func inert(t *testing.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("a terminal may obey %.80q", text[i:])
	}
}

// recording makes a folder of those files.
func (u user) recording(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := u.dir(t)
	for name, text := range files {
		u.write(t, filepath.Join(dir, name), text)
	}
	return dir
}

const samplesMeta = `{"schema":"listenq/recording/v1","kind":"samples","tool":"x","kernel":"6","started":"2026-01-01T00:00:00Z"}`

func of(result string) map[string]string { return map[string]string{"result.json": result} }

func ofSamples(lines ...string) map[string]string {
	return map[string]string{"meta.json": samplesMeta, "samples.jsonl": strings.Join(lines, "\n")}
}

// many is an array of so many bytes.
func many(before, element, after string, bytes int) string {
	n := bytes/(len(element)+1) + 1
	return before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after
}

// listeners are lines of as many listeners, which each makes.
func listeners(lines, count int, each func(line, i int) string) []string {
	var all []string
	for line := range lines {
		rows := make([]string, count)
		for i := range rows {
			rows[i] = each(line, i)
		}
		all = append(all, fmt.Sprintf(`{"t_ns":%d,"namespaces":[{"netns":1,"counters":{"TcpExtListenOverflows":%d,"TcpExtListenDrops":%d}}],"listeners":[%s]}`,
			(line+1)*1000, 1000*line, 1000*line, strings.Join(rows, ",")))
	}
	return all
}

// TestRecordings reads recordings that ask for more memory or time than there is.
func TestRecordings(t *testing.T) {
	const size = 30 << 20
	for _, c := range []struct {
		name  string
		files func() map[string]string
	}{
		{"connections", func() map[string]string { return of(many(`{"connections":[`, "{}", "]}", size)) }},
		{"connections of null", func() map[string]string { return of(many(`{"connections":[`, "null", "]}", size)) }},
		{"connections by another name", func() map[string]string { return of(many(`{"Connect\u0069ons":[`, "null", "]}", size)) }},
		{"connections by a folded name", func() map[string]string { return of(many(`{"connectionſ":[`, "{}", "]}", size)) }},
		{"stories", func() map[string]string { return of(many(`{"connections":[{"story":[`, "{}", "]}]}", size)) }},
		{"maps", func() map[string]string {
			return of(many(`{"listeners":[`, `{"tcp_info":{"a":1}}`, "]}", size))
		}},
		{"facts", func() map[string]string { return of(many(`{"facts":{"a":[`, `{"a":1}`, "]}}", size)) }},
		{"as many as there may be", func() map[string]string {
			return of(many(`{"connections":[`, `{"name":"c","story":[{"text":"x"}]}`, "]}", 3<<20))
		}},
		{"depth", func() map[string]string { return of(strings.Repeat(`{"facts":`, size/9)) }},
		{"a long text", func() map[string]string { return of(`{"verdict":"` + strings.Repeat("a b", size/3) + `"}`) }},
		{"a long output", func() map[string]string {
			return of(`{"recording":"x","commands":[{"name":"c","output":"` + strings.Repeat(`\n`, size/2) + `"}]}`)
		}},
		{"too large", func() map[string]string { return of(`{"title":"` + strings.Repeat("x", 2*size)) }},
		{"meta", func() map[string]string {
			return map[string]string{"meta.json": many(`{"a":[`, "{}", "]}", size), "samples.jsonl": "{}"}
		}},
		{"listeners", func() map[string]string { return ofSamples(many(`{"t_ns":1,"listeners":[`, "{}", "]}", size)) }},
		{"listeners of null", func() map[string]string { return ofSamples(many(`{"t_ns":1,"Listeners":[`, "null", "]}", size)) }},
		{"processes", func() map[string]string {
			return ofSamples(many(`{"t_ns":1,"listeners":[{"address":"1.2.3.4:5","processes":[`, "null", "]}]}", size))
		}},
		{"namespaces", func() map[string]string { return ofSamples(many(`{"t_ns":1,"namespaces":[`, "{}", "]}", size)) }},
		{"equal listeners", func() map[string]string {
			return ofSamples(listeners(1, 65_000, func(int, int) string { return `{"address":"1.2.3.4:5"}` })...)
		}},
		{"equal listeners again and again", func() map[string]string {
			return ofSamples(listeners(10, 65_000, func(int, int) string { return `{"address":"1.2.3.4:5"}` })...)
		}},
		{"other sockets each time", func() map[string]string {
			return ofSamples(listeners(5, 65_000, func(line, i int) string {
				return fmt.Sprintf(`{"address":"1.2.3.4:5","inode":%d,"drops":%d}`, line*65_000+i+1, line)
			})...)
		}},
		{"full listeners", func() map[string]string {
			return ofSamples(listeners(5, 65_000, func(line, i int) string {
				return fmt.Sprintf(`{"address":"1.2.3.4:5","inode":%d,"accept_len":9,"accept_limit":3,"drops":%d,"processes":[{"pid":%d,"name":"p%d"}]}`, i+1, line*(i%3), i, i)
			})...)
		}},
		{"many samples", func() map[string]string {
			return ofSamples(listeners(400_000, 1, func(int, int) string { return `{"address":"1.2.3.4:5"}` })...)
		}},
		{"waits", func() map[string]string {
			var all []string
			for i := range 2000 {
				all = append(all, fmt.Sprintf(`{"t_ns":%d,"listeners":[{"address":"1.2.3.4:5","accept_len":9,"accept_limit":3}]}`, i+1))
			}
			return ofSamples(append(all, many(`{"t_ns":9999999999,"listeners":[{"address":"1.2.3.4:5","accept_len":1000000,"accept_limit":3,"waiting":{"waits_ms":[`, "1", "]}}]}", 2<<20))...)
		}},
		{"a new counter each line", func() map[string]string {
			var all []string
			for i := range 20_000 {
				all = append(all, fmt.Sprintf(`{"t_ns":%d,"namespaces":[{"netns":1,"counters":{"a%d":1}}]}`, i+1, i))
			}
			return ofSamples(all...)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := c.files()
			asEach(t, func(t *testing.T, u user) {
				dir := u.recording(t, files)
				u.read(t, dir, "explain", dir)
				u.read(t, dir, "explain", "--json", dir)
			})
		})
	}
}

// TestPipesInRecordings holds that a pipe or a link in a recording is refused, and at once.
func TestPipesInRecordings(t *testing.T) {
	for _, name := range []string{"meta.json", "samples.jsonl", "result.json", "packets.pcapng"} {
		for kind, plant := range map[string]func(path string) error{
			"pipe": func(path string) error { return syscall.Mkfifo(path, 0o666) },
			"link": func(path string) error { return os.Symlink("/etc/shadow", path) },
		} {
			t.Run(kind+" as "+name, func(t *testing.T) {
				asEach(t, func(t *testing.T, u user) {
					files := ofSamples(`{"t_ns":1}`)
					if name == "result.json" || name == "packets.pcapng" {
						files = map[string]string{}
					}
					delete(files, name)
					dir := u.recording(t, files)
					check(t, plant(filepath.Join(dir, name)))
					if r := u.read(t, dir, "explain", dir); r.code != 2 || strings.Contains(r.stdout+r.stderr, "root:") {
						t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
					}
				})
			})
		}
	}
}

const evil = "x\x1b[2J\u202e\u009b31m\nlisten: forged\r\x1b[K"

// TestTextsOfRecordings puts what a terminal obeys, and lines, into every text of a
// recording.
func TestTextsOfRecordings(t *testing.T) {
	text, err := json.Marshal(evil)
	check(t, err)
	e := string(text)
	run := strings.NewReplacer("@", e).Replace(`{"scenario":@,"title":@,"kernel":@,"verdict":@,"recording":@,"skipped":"","error":"",
"expectations":[{"line":1,"text":@,"got":@},{"line":2,"text":@,"not_taken":@}],
"connections":[{"name":@,"client":@,"server":@,"outcome":@,"cause":@,"ended_by":@,"struck":@,"confidence":@,"story":[{"text":@}],"history":[],"calls":[{"call":@}]}],
"folded":[{"server":@,"attempts":2,"outcomes":{@:1}}],"commands":[{"name":@,"argv":[@],"output":@}],
"listeners":[{"name":@,"address":@}],"counters":{"server":{@:{"before":1,"after":2}}},
"observations":[{"side":@,"program":@,"argv":[@],"differences":[{"of":@,"field":@,"theirs":@,"ours":@,"why":@}],"missing":@}],
"missing":[{"what":@,"why":@,"hint":@}]}`)
	zone := `{"address":"[fe80::1%` + strings.Trim(e, `"`) + `]:80","netns":1,"accept_len":9,"accept_limit":3,"processes":[{"name":` + e + `,"command":[` + e + `],"unit":` + e + `}]}`
	line := `{"t_ns":%d,"kernel":` + e + `,"namespaces":[{"netns":1,"name":` + e + `}],"listeners":[` + zone + `],"missing":[{"what":` + e + `,"why":` + e + `,"hint":` + e + `}]}`
	meta := strings.Replace(samplesMeta, `"tool":"x"`, `"host":`+e, 1)
	for name, files := range map[string]map[string]string{
		"run":     of(run),
		"skipped": of(`{"scenario":` + e + `,"title":` + e + `,"skipped":` + e + `}`),
		"error":   of(`{"scenario":` + e + `,"recording":"x","error":` + e + `,"hint":` + e + `}`),
		"samples": {"meta.json": meta, "samples.jsonl": fmt.Sprintf(line, 1) + "\n" + fmt.Sprintf(line, 2)},
		"broken":  {"meta.json": `{"schema":` + e + `}`, "samples.jsonl": "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			asEach(t, func(t *testing.T, u user) {
				dir := u.recording(t, files)
				for _, args := range [][]string{{"explain", dir}, {"explain", "--json", dir}} {
					r := u.read(t, dir, args...)
					if !strings.Contains(r.stdout+r.stderr, "forged") {
						t.Errorf("nothing of it is told:\n%s%s", r.stdout, r.stderr)
					}
					for line := range strings.Lines(r.stdout + r.stderr) {
						if strings.HasPrefix(line, "listen: forged") {
							t.Errorf("a line of its own: %q", line)
						}
					}
				}
			})
		})
	}
}
