package inside

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"listenq/internal/evidence"
	"listenq/internal/judge"
	"listenq/internal/kernel"
	"listenq/internal/lab/facts"
	"listenq/internal/lab/script"
)

// readers read the facts of facts.Readings off an experiment, by their names.
var readers = map[string]func(*experiment) (any, error){
	"accept_full_syn_rule":            synRule,
	"syn_queue_of_backlog_4":          requests("plain"),
	"syn_queue_of_backlog_4_cookies":  requests("cookies"),
	"syn_queue_test":                  synQueueTest,
	"sk_drops_per_syn":                dropsPerSYN,
	"syn_queue_of_max_syn_backlog_16": requests("plain"),
	"sk_drops_per_ack":                dropsOf("c", judge.HalfOpen),
	"sk_drops_per_cookie_ack":         dropsOf("b", judge.Phantom),
	"syn_third_after_s":               thirdSYN,
}

// synRule looks at four clients that connect one after the other.
func synRule(e *experiment) (any, error) { return ruleOf(e.env().Groups["b"]) }

// ruleOf derives the rule from the first client that is not answered. Those before it left
// a young request each.
func ruleOf(clients []script.Conn) (any, error) {
	switch first := slices.IndexFunc(clients, func(c script.Conn) bool { return c.Outcome == judge.Unanswered }); first {
	case -1:
		return "never", nil
	case 0:
		return "always", nil
	case 2:
		return "young", nil
	default:
		return nil, fmt.Errorf("client %d of %d is the first whose SYN is dropped: no rule that is known", first+1, len(clients))
	}
}

// requests reads how many a server's SYN queue holds.
func requests(server string) func(*experiment) (any, error) {
	return func(e *experiment) (any, error) {
		if l := e.env().Listeners[server]; l.Syn != nil {
			return *l.Syn, nil
		}
		return nil, errors.New("the SYN queue could not be counted")
	}
}

// synQueueTest looks at how many requests a backlog of 4 holds.
func synQueueTest(e *experiment) (any, error) {
	n, err := requests("plain")(e)
	if err != nil {
		return nil, err
	}
	return testOf(n.(int))
}

// testOf puts that length into words (inet_csk_reqsk_queue_is_full; up to Linux 4.3
// reqsk_queue_is_full, a power of two of 16 at least).
func testOf(n int) (any, error) {
	switch n {
	case 5:
		return ">", nil
	case 4:
		return ">=", nil
	case 16:
		return "power of two", nil
	}
	return nil, fmt.Errorf("a backlog of 4 holds %d requests: no test that is known", n)
}

// dropsPerSYN compares sk_drops with the SYNs that found the SYN queue full.
func dropsPerSYN(e *experiment) (any, error) {
	env := e.env()
	return dropsEach(env.Listeners["plain"].Drops, int(env.Delta["TcpExtTCPReqQFullDrop"]))
}

func dropsEach(drops *int, packets int) (any, error) {
	if drops == nil {
		return nil, errNoDrops
	}
	if packets == 0 || *drops%packets != 0 {
		return nil, fmt.Errorf("sk_drops rose by %d for %d dropped packets", *drops, packets)
	}
	return *drops / packets, nil
}

var errNoDrops = errors.New("this kernel does not show sk_drops of listeners")

// dropsOf reads sk_drops where the final ACK of one client is all that was dropped.
func dropsOf(client string, outcome judge.Outcome) func(*experiment) (any, error) {
	return func(e *experiment) (any, error) {
		env := e.env()
		if got := env.Conns[client].Outcome; got != outcome {
			return nil, fmt.Errorf("no final ACK was dropped: %s is %s, not %s", client, got, outcome)
		}
		if drops := env.Listeners["server"].Drops; drops != nil {
			return *drops, nil
		}
		return nil, errNoDrops
	}
}

// thirdSYN is how long after its first SYN a client sends the third, in whole
// seconds: one, and the pause that its timer begins with when it sent the second
// (tcp_retransmit_timer, net/ipv4/tcp_timer.c). The client is one of its own, looked at
// from its first SYN on, on loopback of the client's namespace.
func thirdSYN(e *experiment) (any, error) {
	var pause time.Duration
	err := kernel.InNetns(int(e.net.Client.Netns.Fd()), func() error {
		port, closeAll, err := unheardClient()
		defer closeAll()
		if err != nil {
			return err
		}
		diag, err := kernel.OpenDiag()
		if err != nil {
			return err
		}
		defer diag.Close()
		pause, err = secondPause(func() (timerLook, error) { return e.lookAtTimer(diag, port) })
		return err
	})
	return 1 + int(pause/time.Second), err
}

// unheardClient begins to connect to a listener that a socket filter lets hear nothing.
// It returns the client's port.
func unheardClient() (port uint16, closeAll func(), err error) {
	server, client, closeAll, err := facts.SocketPair()
	if err != nil {
		return 0, closeAll, err
	}
	nothing := unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}}
	if err := unix.SetsockoptSockFprog(server, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &nothing); err != nil {
		return 0, closeAll, fmt.Errorf("attach socket filter: %w", err)
	}
	to, err := facts.ListenOnLoopback(server)
	if err == nil {
		err = unix.SetNonblock(client, true)
	}
	if err != nil {
		return 0, closeAll, err
	}
	if err := unix.Connect(client, to); !errors.Is(err, unix.EINPROGRESS) {
		return 0, closeAll, fmt.Errorf("connect: %w, want it to go on", err)
	}
	name, err := unix.Getsockname(client)
	if err != nil {
		return 0, closeAll, fmt.Errorf("getsockname: %w", err)
	}
	return uint16(name.(*unix.SockaddrInet4).Port), closeAll, nil
}

// timerLook is what one look at a client's socket shows, somewhen from began to ended.
type timerLook struct {
	began, ended time.Duration
	retransmits  int
	expires      time.Duration
}

// lookAtTimer looks at a socket in SYN_SENT.
func (e *experiment) lookAtTimer(diag *kernel.Diag, port uint16) (timerLook, error) {
	look, found := timerLook{began: e.clock.Now()}, false
	r := kernel.Request{Family: unix.AF_INET, States: kernel.States(evidence.SynSent), LocalPort: port}
	err := diag.Dump(r, func(s *kernel.Socket) error {
		look.retransmits, look.expires, found = s.Retransmits, s.Expires, s.Timer == kernel.TimerRetransmit
		return nil
	})
	if look.ended = e.clock.Now(); err == nil && !found {
		err = errors.New("the client has no SYN to send again")
	}
	return look, err
}

// secondPause is 1 or 2 s: the pause after the second SYN. It is more than what is
// left of it, and no more than that and all that passed since the last look at
// which the second SYN was not sent yet. A machine that is too busy for it is
// an error.
func secondPause(look func() (timerLook, error)) (time.Duration, error) {
	const between, limit = 20 * time.Millisecond, 200
	var before timerLook
	for range limit {
		now, err := look()
		if err != nil {
			return 0, err
		}
		if now.retransmits == 0 {
			before = now
			time.Sleep(between)
			continue
		}
		least, most := now.expires, now.expires+now.ended-before.began
		switch {
		case now.retransmits > 1 || before == timerLook{}:
			return 0, errors.New("looked too late, the second SYN was sent before: the machine was too busy")
		case least > 1200*time.Millisecond: // timers run up to 6 % late
			return 2 * time.Second, nil
		case most < 1900*time.Millisecond:
			return time.Second, nil
		}
		return 0, fmt.Errorf("the pause after the second SYN is from %v to %v: the machine was too busy to measure it", least, most)
	}
	return 0, errors.New("the client did not send its SYN again")
}
