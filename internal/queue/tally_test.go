package queue

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTally(t *testing.T) {
	names := []string{"TcpExtListenOverflows", "TcpExtTCPReqQFullDrop", "TcpExtListenDrops"}
	socket := func(cookie uint64, port uint16, length int, drops Count) Listener {
		return Listener{Address: netip.AddrPortFrom(netip.IPv4Unspecified(), port), Netns: 1, Cookie: cookie, AcceptLen: length, AcceptLimit: 4, Drops: drops}
	}
	space := func(id NetnsID, at time.Duration, values ...uint64) Namespace {
		return Namespace{ID: id, Counters: Counters{T: at, Names: names, Values: values}}
	}
	tally := NewTally()
	samples := []Sample{
		{Namespaces: []Namespace{space(1, 0, 10, 0, 20)},
			Listeners: []Listener{socket(1, 80, 0, Known(1<<32-1)), socket(2, 81, 3, Known(5)), socket(3, 82, 0, Count{})}},
		{T: time.Second, Namespaces: []Namespace{space(1, time.Second, 12, 0, 22), space(2, time.Second, 1, 0, 1)},
			Listeners: []Listener{socket(1, 80, 5, Known(3)), socket(3, 82, 0, Count{}), socket(4, 83, 1, Known(7))}},
		{T: 2 * time.Second, Namespaces: []Namespace{space(1, 2*time.Second, 13, 0, 23)},
			Listeners: []Listener{socket(1, 80, 2, Known(3)), socket(3, 82, 0, Count{})}},
	}
	for i := range samples {
		tally.Add(&samples[i])
		clear(samples[i].Namespaces[0].Counters.Values) // as a source does that uses it again
	}
	type total struct {
		Port      uint16
		AcceptMax int
		Dropped   Count
		Gone      bool
	}
	var got []total
	for _, l := range tally.Sums().Listeners {
		got = append(got, total{l.Listener.Address.Port(), l.AcceptMax, l.Dropped, l.Gone})
	}
	want := []total{
		{83, 1, Known(7), true}, // came and went: all that it dropped
		{80, 5, Known(4), false},
		{81, 3, Known(0), true},
		{82, 0, Count{}, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	var overflows []Overflows
	for _, n := range tally.Sums().Namespaces {
		overflows = append(overflows, n.Overflows())
	}
	if diff := cmp.Diff([]Overflows{{AcceptFull: Known(3), SynFull: Known(0)}, {AcceptFull: Known(1), SynFull: Known(0)}}, overflows); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

func TestOverflows(t *testing.T) {
	tests := []struct {
		name       string
		cookies    string
		names      []string
		moved      []uint64
		want       Overflows
		bad, known bool
	}{
		{"calm", "1", []string{"TcpExtListenOverflows", "TcpExtTCPReqQFullDrop", "TcpExtListenDrops"}, []uint64{0, 0, 0},
			Overflows{AcceptFull: Known(0), SynFull: Known(0)}, false, true},
		{"no memory, with cookies", "1", []string{"TcpExtListenOverflows", "TcpExtTCPReqQFullDrop", "TcpExtListenDrops"}, []uint64{0, 0, 3},
			Overflows{AcceptFull: Known(0), SynFull: Known(0)}, false, true},
		{"the reserve", "0", []string{"TcpExtListenOverflows", "TcpExtTCPReqQFullDrop", "TcpExtListenDrops"}, []uint64{1, 2, 7},
			Overflows{AcceptFull: Known(1), SynFull: Known(2), SynReserve: Known(4)}, true, true},
		{"accept queue", "1", []string{"TcpExtListenOverflows"}, []uint64{2}, Overflows{AcceptFull: Known(2)}, true, true},
		{"not known", "1", []string{"TcpExtListenDrops"}, []uint64{2}, Overflows{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := NamespaceTrend{Window: time.Second, first: Counters{Names: tt.names, Values: make([]uint64, len(tt.names))},
				Namespace: Namespace{Sysctls: map[string]string{"net.ipv4.tcp_syncookies": tt.cookies}, Counters: Counters{Names: tt.names, Values: tt.moved}}}
			got := n.Overflows()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("overflows (-want +got):\n%s", diff)
			}
			if bad, known := got.Any(); bad != tt.bad || known != tt.known {
				t.Errorf("any: %t, known: %t; want %t, %t", bad, known, tt.bad, tt.known)
			}
		})
	}
}
