package tui

import (
	"errors"
	"flag"
	"fmt"
	"image/color"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"listenq/internal/queue"
	"listenq/internal/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGoldenFrames(t *testing.T) {
	for _, test := range []struct {
		name          string
		o             Options
		width, height int
		keys          []string
	}{
		{"table-40", Options{}, 40, 12, nil},
		{"table-80", Options{}, 80, 24, nil},
		{"table-120", Options{}, 120, 24, nil},
		{"table-200", Options{}, 200, 24, nil},
		{"table-80-ascii", Options{ASCII: true}, 80, 24, nil},
		{"table-200-ascii", Options{ASCII: true}, 200, 24, nil},
		{"details-100", Options{}, 100, 45, []string{"enter"}},
		{"details-40-ascii", Options{ASCII: true}, 40, 60, []string{"enter"}},
		{"help-80-ascii", Options{ASCII: true}, 80, 75, []string{"?"}},
		{"columns-80", Options{}, 80, 24, []string{"c", "down", "enter"}},
		{"namespaces-80", Options{}, 80, 24, []string{"n", "down"}},
		{"filter-80", Options{}, 80, 24, []string{"/", "n", "g"}},
		{"mistake-80", Options{}, 80, 24, []string{"/", "p", "i", "d", ":"}},
		{"frozen-80", Options{}, 80, 24, []string{"space", "left"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := watching(t, test.o, test.width, test.height, 41)
			press(t, m, test.keys...)
			golden(t, "testdata/"+test.name+".txt", trimmed(ansi.Strip(m.frame()))+"\n")
		})
	}
}

func trimmed(words string) string {
	lines := strings.Split(words, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// TestFrameFits holds that no screen is too small, and that nothing a process is
// called gets to the terminal as it is.
func TestFrameFits(t *testing.T) {
	sequences := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for _, keys := range [][]string{nil, {"enter"}, {"?"}, {"c"}, {"n"}, {"e"}, {"/", "日"}} {
		for _, ascii := range []bool{true, false} {
			for _, width := range []int{1, 2, 7, 20, 39, 40, 53, 80, 121, 300} {
				for _, height := range []int{1, 2, 3, 5, 10, 24, 100} {
					m := watching(t, Options{ASCII: ascii}, width, height, 3)
					press(t, m, keys...)
					lines := strings.Split(m.frame(), "\n")
					if len(lines) > height {
						t.Errorf("%v at %d x %d: %d lines", keys, width, height, len(lines))
					}
					for _, line := range lines {
						words := sequences.ReplaceAllString(line, "")
						if w := text.Width(line); w > width {
							t.Errorf("%v at %d x %d: %d cells: %q", keys, width, height, w, line)
						}
						if i := strings.IndexFunc(words, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u202e' || ascii && r > '~' }); i >= 0 {
							t.Errorf("%v at %d x %d: %q", keys, width, height, words)
						}
					}
				}
			}
		}
	}
}

// TestColours holds that there are no others than the 16 that each terminal has its
// own idea of, none for the background, and none at all with the theme mono.
func TestColours(t *testing.T) {
	codes := func(colours Theme) []string {
		var all []string
		for _, keys := range [][]string{nil, {"enter"}, {"e"}, {"?"}, {"space"}, {"n"}} {
			m := watching(t, Options{Theme: colours}, 120, 50, 41)
			press(t, m, keys...)
			m.failed = errors.New("no right")
			for _, code := range regexp.MustCompile("\x1b\\[([0-9;]*)m").FindAllStringSubmatch(m.frame(), -1) {
				all = append(all, strings.Split(code[1], ";")...)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	for colours, want := range map[Theme][]string{
		Auto:  {"0", "1", "2", "31", "33", "7"},
		Dark:  {"0", "1", "2", "31", "33", "7"},
		Light: {"0", "1", "2", "31", "35", "7"},
		Mono:  {"0", "1", "2", "7"},
	} {
		if diff := cmp.Diff(want, codes(colours)); diff != "" {
			t.Errorf("looks of %s (-want +got):\n%s", colours, diff)
		}
	}
}

// TestBackground holds that on a light background nothing is yellow, unless the user wants it so.
func TestBackground(t *testing.T) {
	for colours, want := range map[Theme]text.Look{Auto: text.Magenta, Dark: text.Yellow, Light: text.Magenta, Mono: ""} {
		m := watching(t, Options{Theme: colours}, 80, 24, 1)
		m.Update(tea.BackgroundColorMsg{Color: color.White})
		if got := m.theme.looks[warning]; got != want {
			t.Errorf("%s: warnings are drawn as %q, want %q", colours, got, want)
		}
	}
}

// TestFrozen holds that the age of what is on a frozen screen grows.
func TestFrozen(t *testing.T) {
	m := watching(t, Options{}, 120, 24, 3)
	press(t, m, "space")
	for _, want := range []string{"FROZEN 0 ms", "FROZEN 7.0 s"} {
		if !strings.Contains(m.frame(), want) {
			t.Errorf("there is no %q:\n%s", want, m.frame())
		}
		m.Update(beaten(m.got.Add(7 * time.Second)))
	}
}

// TestStale holds that a sample that does not come is seen to age, and one that
// fails to say why.
func TestStale(t *testing.T) {
	m := watching(t, Options{}, 120, 24, 3)
	if strings.Contains(m.frame(), "STALE") {
		t.Error("a fresh sample is called stale")
	}
	m.Update(beaten(m.got.Add(5 * time.Second)))
	if !strings.Contains(m.frame(), "\x1b[1;31m5 s old STALE") {
		t.Errorf("no word of its age:\n%s", m.frame())
	}
	give(m, queue.Sample{}, errors.New("netlink: no right\x1b[2J"), m.now, 0)
	if frame := m.frame(); !strings.Contains(frame, `no sample: netlink: no right\x1b[2J`) {
		t.Errorf("no word of the failure:\n%q", frame)
	}
}

// TestCost holds that the header tells what the program costs.
func TestCost(t *testing.T) {
	m := watching(t, Options{}, 200, 24, 3)
	if !strings.Contains(m.frame(), "cpu 0.3 %") {
		t.Errorf("3 ms a second are not 0.3 %%:\n%s", m.frame())
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, listeners := range []int{4, 3000} {
		b.Run(fmt.Sprint(listeners), func(b *testing.B) {
			m := watching(b, Options{}, 120, 40, 3)
			s := host(3)
			for n := len(s.Listeners); n < listeners; n++ {
				l := s.Listeners[1]
				l.Cookie = uint64(100 + n)
				s.Listeners = append(s.Listeners, l)
			}
			give(m, s, nil, s.Time, 0)
			b.Run("frame", func(b *testing.B) {
				for b.Loop() {
					m.frame()
				}
			})
			b.Run("refresh", func(b *testing.B) {
				for b.Loop() {
					m.refresh()
				}
			})
		})
	}
}

// TestFramesSteerNoTerminal puts what a terminal obeys into all that a recording holds, and
// looks at every pane.
func TestFramesSteerNoTerminal(t *testing.T) {
	const evil = "x\x1b[2J\u202e\u009b31m\nforged\x1b]0;title\a"
	address := netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(evil), 80)
	var samples []queue.Sample
	for i := range 3 {
		samples = append(samples, queue.Sample{
			T: time.Duration(i+1) * time.Second, Kernel: evil, Missing: []queue.Missing{{What: evil, Why: evil, Hint: evil}},
			Namespaces: []queue.Namespace{{ID: 1, Name: evil, Sysctls: map[string]string{"net.core.somaxconn": evil}}, {ID: 2, Name: evil}},
			Listeners: []queue.Listener{{
				Address: address, Netns: 1, Inode: 7, AcceptLen: 9, AcceptLimit: 3, Drops: queue.Known(uint64(i)),
				Processes: []queue.Process{{PID: 1, Name: evil, Command: []string{evil}, Unit: evil, State: evil, Threads: []queue.Thread{{Name: evil, Wait: evil}}}},
			}},
		})
	}
	for _, keys := range [][]string{nil, {"enter"}, {"e"}, {"?"}, {"c"}, {"n"}, {"/", "x"}} {
		m, err := newModel(Options{Title: evil, Replay: samples})
		if err != nil {
			t.Fatal(err)
		}
		m.width, m.height = 200, 60
		for i := range samples {
			m.step(i)
		}
		press(t, m, keys...)
		m.status, m.failed = evil, errors.New(evil)
		lines := strings.Split(m.frame(), "\n")
		if len(lines) != m.height {
			t.Errorf("%q: %d lines", keys, len(lines))
		}
		for _, line := range lines {
			if text.Line(line) != line || strings.HasPrefix(line, "forged") {
				t.Errorf("%q: %q", keys, line)
			}
		}
	}
}
