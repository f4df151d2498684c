package tui

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"listenq/internal/queue"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// hostile is what a process may call itself.
const hostile = "\x1b[2J\x1b]0;x\a\"<b>\u202e\xff日本"

var counterNames = []string{"TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtSyncookiesSent"}

// host is a machine at its n-th second: 8080 fills and drops from second 30 on, 443
// is nearly full, a process of a hostile name does nothing.
func host(n int) queue.Sample {
	t := time.Duration(n) * time.Second
	length := min(n*5, 129)
	dropped := uint64(max(n-30, 0) * 37)
	s := queue.Sample{T: t, Time: noon.Add(t), Kernel: "6.8.0"}
	for id, name := range []string{"host", "web"} {
		s.Namespaces = append(s.Namespaces, queue.Namespace{
			ID: queue.NetnsID(id + 1), Name: name, Host: id == 0, Sysctls: map[string]string{"net.core.somaxconn": "4096", "net.ipv4.tcp_syncookies": "1"},
			Counters: queue.Counters{T: t, Names: counterNames, Values: []uint64{1204, 1311, 0}},
		})
	}
	s.Namespaces[1].Counters.Values = []uint64{dropped, dropped, 0}
	s.Listeners = []queue.Listener{
		{Address: netip.MustParseAddrPort("127.0.0.1:9090"), Netns: 1, Inode: 1, Cookie: 1, AcceptLimit: 4096, SynLen: queue.Known(0), Drops: queue.Known(0), Processes: []queue.Process{{PID: 701, Name: hostile}}},
		{Address: netip.MustParseAddrPort("[::]:443"), Netns: 1, Inode: 2, Cookie: 2, AcceptLen: 92, AcceptLimit: 128, SynLen: queue.Known(3), Drops: queue.Known(7), UID: 33, Processes: []queue.Process{{PID: 933, Name: "nginx", Unit: "nginx.service"}, {PID: 934, Name: "nginx"}}},
		{
			Address: netip.MustParseAddrPort("0.0.0.0:8080"), Netns: 2, Inode: 3, Cookie: 3, AcceptLen: length, AcceptLimit: 128, SynLen: queue.Known(41), Drops: queue.Known(dropped), UID: 1000,
			Waiting:   &queue.Waiting{Waits: []time.Duration{t, t / 2, time.Second}, Len: min(length, 3), Closed: 1},
			Processes: []queue.Process{{PID: 4121, Name: "api", State: "S", Command: []string{"/usr/bin/api", "--port", "8080"}, Unit: "api.service"}},
		},
		{Address: netip.MustParseAddrPort("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"), Netns: 1, Inode: 4, AcceptLen: 2, AcceptLimit: queue.NoLimit},
	}
	s.Missing = []queue.Missing{{What: "owners of other users' sockets", Why: "needs CAP_SYS_PTRACE", Hint: "run it as root"}}
	return s
}

// watching is a model of that size after so many seconds of the host.
func watching(t testing.TB, o Options, width, height, seconds int) *model {
	t.Helper()
	f := &feed{}
	o.Source = f.take
	o.CPU = func() time.Duration { return 0 }
	o.Interval, o.Title = time.Second, "web-07"
	m, err := newModel(o)
	if err != nil {
		t.Fatal(err)
	}
	feeds[m] = f
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	for n := range seconds {
		second(m, n)
	}
	return m
}

func second(m *model, n int) {
	s := host(n)
	give(m, s, nil, s.Time, time.Duration(n)*3*time.Millisecond)
}

// feed is a source that gives what it was given.
type feed struct {
	sample queue.Sample
	failed error
}

func (f *feed) take(into *queue.Sample) error {
	*into = f.sample
	return f.failed
}

// feeds are the sources of the models that are tested.
var feeds = map[*model]*feed{}

// give makes a sample, or the failure to take one, what the next look comes to at that time.
func give(m *model, s queue.Sample, failed error, at time.Time, used time.Duration) {
	*feeds[m] = feed{s, failed}
	t := m.take()().(taken)
	t.look.At, t.used = at, used
	m.Update(t)
}

// press sends keys by the names that Bubble Tea gives them, or as they are typed.
func press(t testing.TB, m *model, keys ...string) {
	t.Helper()
	named := map[string]tea.Key{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "space": {Code: tea.KeySpace, Text: " "}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
		"left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "backspace": {Code: tea.KeyBackspace}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown},
		"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "f1": {Code: tea.KeyF1},
		"ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+z": {Code: 'z', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+w": {Code: 'w', Mod: tea.ModCtrl},
		"ctrl+b": {Code: 'b', Mod: tea.ModCtrl}, "ctrl+f": {Code: 'f', Mod: tea.ModCtrl},
	}
	for _, key := range keys {
		k, ok := named[key]
		if !ok {
			r := []rune(key)
			k = tea.Key{Code: r[0], Text: key}
		}
		if got := tea.KeyPressMsg(k).String(); got != key {
			t.Fatalf("the key %s is called %s", key, got)
		}
		m.Update(tea.KeyPressMsg(k))
	}
}

// addresses are those of the rows, in order.
func addresses(m *model) []string {
	var all []string
	for i := range m.rows {
		all = append(all, fmt.Sprint(m.rows[i].Listener.Address.Port()))
	}
	return all
}
