package kernel

import (
	"os"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A connection by Fast Open waits in the accept queue while the kernel shows it as
// SYN_RECV, as it shows a request.
func TestHostFastOpenWaits(t *testing.T) {
	ns := newNamespace(t, 0)
	// Client and server, no cookies, every listener (tcp_fastopen of ip-sysctl.rst).
	ns.do(t, func() error { return os.WriteFile("/proc/sys/net/ipv4/tcp_fastopen", []byte("1543"), 0) })
	d := ns.diag(t)
	_, addr := ns.listen(t, "127.0.0.1:80", 8)
	client := ns.socket(t, addr.Addr())
	deafen(t, client) // so that its ACK never comes
	check(t, unix.SetNonblock(client, true))
	if err := unix.Sendto(client, []byte("early"), unix.MSG_FASTOPEN, sockaddr(addr)); err != nil && err != unix.EINPROGRESS {
		t.Fatal(err)
	}
	ns.connectDeaf(t, addr)
	await(t, d, everything, func(s []Socket) bool { return countState(s, evidence.SynRecv) == 2 })

	s := sample(t, ns.host(t, HostOptions{Requests: true, Waiting: true}))
	l := s.Listeners[0]
	if l.AcceptLen != 1 || l.SynLen != queue.Known(1) || l.Waiting == nil || l.Waiting.Len != 1 || len(l.Waiting.Waits) != 1 {
		t.Errorf("listener is %+v, waiting %+v; want 1 that waits and 1 request", l, l.Waiting)
	}
}

func TestBudget(t *testing.T) {
	b := budget{share: 0.01}
	var got []time.Duration
	for _, step := range []struct{ now, cost time.Duration }{
		{100 * time.Millisecond, 0},
		{200 * time.Millisecond, 5 * time.Millisecond},
		{500 * time.Millisecond, 0},
		{time.Minute, 0}, // no more than a second's worth is saved up
	} {
		b.earn(step.now)
		b.saved -= step.cost
		got = append(got, b.saved)
	}
	want := []time.Duration{time.Millisecond, -3 * time.Millisecond, 0, 10 * time.Millisecond}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
}

// Those come first that drop, and then those not looked at for longest; those that
// a walk would tell nothing of do not come.
func TestDue(t *testing.T) {
	groups := map[endpoint]*group{{}: {}}
	namespaces := []*netns{
		{foundNetns: foundNetns{id: 1}, queues: queues{groups: groups, walked: true, walkedAt: 9}},
		{foundNetns: foundNetns{id: 2}, queues: queues{groups: groups, walked: true, walkedAt: 5}},
		{foundNetns: foundNetns{id: 3}, queues: queues{groups: groups, walked: true, walkedAt: 7, queued: 1}},
		{foundNetns: foundNetns{id: 4}, queues: queues{groups: groups, walked: true, walkedAt: 9, queued: 1, dropping: true}},
		{foundNetns: foundNetns{id: 5}, queues: queues{groups: groups}},
		{foundNetns: foundNetns{id: 6}}, // no listener
	}
	tests := []struct {
		name string
		o    HostOptions
		want []queue.NetnsID
	}{
		{"nothing", HostOptions{}, nil},
		{"requests", HostOptions{Requests: true}, []queue.NetnsID{4, 5, 2, 3, 1}},
		{"waiting", HostOptions{Waiting: true}, []queue.NetnsID{4, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Host{options: tt.o, namespaces: namespaces}
			var got []queue.NetnsID
			for _, n := range h.due() {
				got = append(got, n.id)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}
