package explain_test

import (
	"net/netip"
	"testing"
	"time"

	"listenq/internal/answer"
	"listenq/internal/explain"
)

// TestPlace tells where a file was captured.
func TestPlace(t *testing.T) {
	backend := netip.MustParseAddrPort("10.0.0.3:9000")
	local := netip.MustParseAddrPort("127.0.0.1:8080")
	three := func(c, s netip.AddrPort, w waits) func(*tape) {
		return func(tp *tape) {
			for i := range 3 {
				tp.connect(time.Duration(i)*time.Second, port(c, 40000+i), s, w)
			}
		}
	}
	tests := []struct {
		name       string
		interfaces []string
		make       func(*tape)
		want       answer.Place
		seen       []answer.Place // of each connection
	}{
		{"at the server", nil, three(client, server, atServer), answer.PlaceServer, places(answer.PlaceServer, 3)},
		{"at the client", nil, three(client, server, atClient), answer.PlaceClient, places(answer.PlaceClient, 3)},
		{"on the way", nil, three(client, server, halfway), answer.PlaceBetween, places(answer.PlaceBetween, 3)},
		{"a hop before the server", nil, func(tp *tape) {
			tp.hops = map[netip.Addr]uint8{server.Addr(): 1, client.Addr(): 12}
			three(client, server, atServer)(tp)
		}, answer.PlaceBetween, places(answer.PlaceBetween, 3)},
		{"at a server far away", nil, func(tp *tape) {
			tp.hops = map[netip.Addr]uint8{client.Addr(): 12}
			three(client, server, atServer)(tp)
		}, answer.PlaceServer, places(answer.PlaceServer, 3)},
		{"only SYNs", nil, func(tp *tape) { tp.put(0, client, server, "S", 1, 0, "") }, answer.PlaceBetween, places(answer.PlaceBetween, 1)},
		{"interface named client", []string{"client"}, three(client, server, atServer), answer.PlaceClient, places(answer.PlaceClient, 3)},
		{"interface lo", []string{"lo"}, three(local, local, halfway), answer.PlaceBoth, places(answer.PlaceBoth, 3)},
		{"loopback by its addresses", nil, three(local, local, halfway), answer.PlaceBoth, places(answer.PlaceBoth, 3)},
		{"a proxy", nil, func(tp *tape) {
			for i := range 3 {
				at := time.Duration(i) * time.Second
				tp.connect(at, port(client, 40000+i), server, atServer)
				tp.connect(at+100*time.Millisecond, port(server, 50000+i), backend, atClient)
			}
		}, answer.PlaceMixed, []answer.Place{answer.PlaceServer, answer.PlaceClient, answer.PlaceServer, answer.PlaceClient, answer.PlaceServer, answer.PlaceClient}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tp := newTape(t, tt.interfaces...)
			tt.make(tp)
			r := captures(t, explain.Options{}, tp.input("a.pcapng"))
			if got := r.Files[0].Place; got != tt.want {
				t.Errorf("captured at %q (%s), want %q", got, r.Files[0].How, tt.want)
			}
			if len(r.Connections) != len(tt.seen) {
				t.Fatalf("%d connections, want %d", len(r.Connections), len(tt.seen))
			}
			for i, c := range r.Connections {
				if c.CapturedAt != tt.seen[i] {
					t.Errorf("connection %d was seen at %q, want %q", i, c.CapturedAt, tt.seen[i])
				}
			}
		})
	}
}

func places(p answer.Place, n int) []answer.Place {
	all := make([]answer.Place, n)
	for i := range all {
		all[i] = p
	}
	return all
}

// TestPlaceTold takes what the user says.
func TestPlaceTold(t *testing.T) {
	tp := newTape(t)
	tp.connect(0, client, server, atServer)
	input := tp.input("a.pcapng")
	input.Place = answer.PlaceClient
	if got := captures(t, explain.Options{}, input).Connections[0].CapturedAt; got != answer.PlaceClient {
		t.Errorf("seen at %q, want the client", got)
	}
}
