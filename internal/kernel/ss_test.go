package kernel

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"listenq/internal/evidence"
	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// What ss says of a socket is what was so before it ran, or after, field by field.
func TestSocketsAreThoseOfSs(t *testing.T) {
	ns := newNamespace(t, 0)
	d := ns.diag(t)
	scene(t, ns, d, "127.0.0.1:81", "127.0.0.1:81")
	scene(t, ns, d, "[::1]:82", "[::1]:82")
	scene(t, ns, d, "[::]:83", "127.0.0.1:83")

	before := byCookie(dump(t, d, everything))
	began := time.Now()
	output := ns.output(t, "ss", "-tanmoieHO")
	passed := time.Since(began)
	after := byCookie(dump(t, d, everything))

	compared := map[string]int{}
	for line := range strings.Lines(output) {
		ss := parseSs(t, line)
		a, b := before[ss["cookie"]], after[ss["cookie"]]
		if a == nil || b == nil {
			t.Errorf("socket of ss is missing before (%t) or after (%t): %s", a == nil, b == nil, line)
			continue
		}
		compareWithSs(t, ss, a, b, passed)
		compared[ss["state"]]++
		delete(after, ss["cookie"])
	}
	for _, s := range after {
		t.Errorf("ss does not show %+v", s)
	}
	for _, state := range []string{"LISTEN", "ESTAB", "SYN-RECV", "SYN-SENT", "CLOSE-WAIT", "FIN-WAIT-2", "TIME-WAIT"} {
		if compared[state] < 3 {
			t.Errorf("compared %d sockets in %s, want at least 3", compared[state], state)
		}
	}
}

// scene makes sockets in many states: a listener, and connections to it.
func scene(t *testing.T, ns namespace, d *Diag, listenAt, connectTo string) {
	t.Helper()
	listener, addr := ns.listen(t, listenAt, 8)
	to := netip.MustParseAddrPort(connectTo)
	server := Request{Family: unix.AF_UNSPEC, States: AllStates, LocalPort: addr.Port(), Info: true}
	established := func(n int) func([]Socket) bool {
		return func(s []Socket) bool { return countState(s, evidence.Established) == n }
	}

	talker := ns.connect(t, to)
	await(t, d, server, established(1))
	talkee := accept(t, listener)
	check(t, unix.SetsockoptInt(talkee, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1))
	send(t, talker, 1000)
	send(t, talkee, 50_000)
	await(t, d, server, func(s []Socket) bool {
		return !slices.ContainsFunc(s, func(s Socket) bool { return s.SendQ > 0 && s.State == evidence.Established })
	})

	sender := ns.connect(t, to)
	await(t, d, server, established(2))
	deafen(t, accept(t, listener))
	send(t, sender, 3000) // and again, as nobody hears it

	closer := ns.connect(t, to)
	await(t, d, server, established(3))
	closed := accept(t, listener)
	check(t, unix.Shutdown(closed, unix.SHUT_RDWR))
	check(t, unix.Shutdown(closer, unix.SHUT_RDWR))
	await(t, d, server, func(s []Socket) bool { return countState(s, evidence.TimeWait) == 1 })

	check(t, unix.Shutdown(ns.connect(t, to), unix.SHUT_WR))
	await(t, d, server, func(s []Socket) bool { return countState(s, evidence.CloseWait) == 1 })
	client := Request{Family: unix.AF_UNSPEC, States: States(evidence.FinWait2), RemotePort: addr.Port()}
	await(t, d, client, func(s []Socket) bool { return len(s) == 1 })
	ns.connectDeaf(t, to)
	await(t, d, server, func(s []Socket) bool { return countState(s, evidence.SynRecv) == 1 })
	ns.connect(t, to)
	await(t, d, server, established(3))
}

func send(t testing.TB, fd, n int) {
	t.Helper()
	sent, err := unix.Write(fd, make([]byte, n))
	check(t, err)
	if sent != n {
		t.Fatalf("sent %d bytes of %d", sent, n)
	}
}

func byCookie(sockets []Socket) map[string]*Socket {
	m := map[string]*Socket{}
	for _, s := range sockets {
		m[fmt.Sprintf("%x", s.Cookie)] = &s
	}
	return m
}

// compareWithSs checks each field that ss printed, and that what it did not
// print is zero: it leaves out zeros. A timer that is not nearer by the time that has
// passed was set anew.
func compareWithSs(t *testing.T, ss map[string]string, before, after *Socket, passed time.Duration) {
	t.Helper()
	a, b := asSs(before), asSs(after)
	for field := range a {
		if !within(ss[field], a[field], b[field]) {
			t.Errorf("%s %s: ss has %s %q, we %q before and %q after",
				ss["state"], before.Local, field, ss[field], a[field], b[field])
		}
	}
	const tick = 10 * time.Millisecond // with the slowest HZ
	setAnew := before.Timer != after.Timer || before.Retransmits != after.Retransmits || before.Expires-after.Expires < passed-tick
	if ss["expires"] == "" || setAnew {
		return // no timer, or it was set anew meanwhile
	}
	rounding := time.Second // ss drops milliseconds from ten seconds up, seconds from ten minutes up
	if before.Expires > 10*time.Minute {
		rounding = time.Minute
	}
	if expires := parseSsTime(t, ss["expires"]); expires > before.Expires || expires < after.Expires-rounding {
		t.Errorf("%s %s: ss has %v until the timer, we %v before and %v after",
			ss["state"], before.Local, expires, before.Expires, after.Expires)
	}
}

// within reports whether got is a or b, or a number between: retransmissions go
// on while ss runs.
func within(got, a, b string) bool {
	if got == a || got == b {
		return true
	}
	x, errX := strconv.ParseFloat(got, 64)
	low, errA := strconv.ParseFloat(a, 64)
	high, errB := strconv.ParseFloat(b, 64)
	return errX == nil && errA == nil && errB == nil && x >= min(low, high) && x <= max(low, high)
}

// asSs is a socket in the words of ss.
func asSs(s *Socket) map[string]string {
	state := map[evidence.State]string{
		evidence.Established: "ESTAB", evidence.SynSent: "SYN-SENT", evidence.SynRecv: "SYN-RECV",
		evidence.FinWait1: "FIN-WAIT-1", evidence.FinWait2: "FIN-WAIT-2", evidence.TimeWait: "TIME-WAIT",
		evidence.CloseWait: "CLOSE-WAIT", evidence.LastAck: "LAST-ACK", evidence.Listen: "LISTEN", evidence.Closing: "CLOSING",
	}
	m := map[string]string{
		"state": state[s.State], "recvq": fmt.Sprint(s.RecvQ), "sendq": fmt.Sprint(s.SendQ),
		"local": s.Local.String(), "remote": s.Remote.String(),
		"ino": fmt.Sprint(s.Inode), "timer": "", "timer_retrans": "", "skmem": "",
		"wscale": nonZero(s.Info, "%d,%d", "snd_wscale", "rcv_wscale"),
	}
	if s.Timer != TimerNone {
		m["timer"], m["timer_retrans"] = s.Timer.String(), fmt.Sprint(s.Retransmits)
	}
	if rb := s.Memory.Rcvbuf(); rb.Known {
		m["skmem"] = ssMemory(s.Memory)
	}
	for ss, field := range map[string]string{
		"mss": "snd_mss", "pmtu": "pmtu", "rcvmss": "rcv_mss", "advmss": "advmss", "cwnd": "snd_cwnd",
		"bytes_sent": "bytes_sent", "bytes_retrans": "bytes_retrans", "bytes_acked": "bytes_acked",
		"bytes_received": "bytes_received", "segs_out": "segs_out", "segs_in": "segs_in",
		"data_segs_out": "data_segs_out", "data_segs_in": "data_segs_in", "unacked": "unacked",
		"retrans": "retrans", "total_retrans": "total_retrans", "lost": "lost", "sacked": "sacked", "backoff": "backoff", "rcv_space": "rcv_space",
		"rcv_ssthresh": "rcv_ssthresh", "snd_wnd": "snd_wnd", "delivered": "delivered", "notsent": "notsent_bytes",
		"reord_seen": "reord_seen", "dsack_dups": "dsack_dups", "rcv_ooopack": "rcv_ooopack",
	} {
		m[ss] = nonZero(s.Info, "%d", field)
	}
	for ss, field := range map[string]string{"rto": "rto", "ato": "ato", "minrtt": "min_rtt"} {
		if us, _ := s.Info.Field(field); us > 0 && us < 1<<32-1 {
			m[ss] = fmt.Sprintf("%g", float64(us)/1000)
		}
	}
	if s.State == evidence.Listen {
		// Of a listener the kernel gives the queues once more as unacked and
		// sacked, and ss prints sacked only for others.
		delete(m, "sacked")
	}
	return m
}

func nonZero(info TCPInfo, format string, names ...string) string {
	var values []any
	var sum uint64
	for _, name := range names {
		v, _ := info.Field(name)
		values = append(values, v)
		sum += v
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf(format, values...)
}

func ssMemory(m Memory) string {
	n := func(c queue.Count) uint64 { return c.N }
	return fmt.Sprintf("r%d,rb%d,t%d,tb%d,f%d,w%d,o%d,bl%d,d%d",
		n(m.RmemAlloc()), n(m.Rcvbuf()), n(m.WmemAlloc()), n(m.Sndbuf()), n(m.FwdAlloc()),
		n(m.WmemQueued()), n(m.Optmem()), n(m.Backlog()), n(m.Drops()))
}

var (
	ssTimer = regexp.MustCompile(`^timer:\((\w+),([^,]*),(\d+)\)$`)
	ssTime  = regexp.MustCompile(`^(?:(\d+)min)?(?:(\d+)sec)?(?:(\d+)\.)?(?:(\d+)ms)?$`)
)

// parseSs reads a line of ss -tanmoieHO.
func parseSs(t *testing.T, line string) map[string]string {
	t.Helper()
	words := strings.Fields(line)
	if len(words) < 5 {
		t.Fatalf("line of ss is %q", line)
	}
	m := map[string]string{
		"state": words[0], "recvq": words[1], "sendq": words[2],
		"local": ssAddress(t, words[3]), "remote": ssAddress(t, words[4]), "ino": "0",
	}
	for _, word := range words[5:] {
		if f := ssTimer.FindStringSubmatch(word); f != nil {
			m["timer"], m["expires"], m["timer_retrans"] = f[1], f[2], f[3]
			continue
		}
		name, value, _ := strings.Cut(word, ":")
		m[name] = value
	}
	m["cookie"] = m["sk"]
	m["retrans"], m["total_retrans"], _ = strings.Cut(m["retrans"], "/")
	if m["retrans"] == "0" {
		m["retrans"] = ""
	}
	m["skmem"] = strings.Trim(m["skmem"], "()")
	return m
}

func ssAddress(t *testing.T, s string) string {
	t.Helper()
	if strings.HasPrefix(s, "*:") {
		s = "[::]" + s[1:]
	}
	if strings.HasSuffix(s, ":*") {
		s = s[:len(s)-1] + "0"
	}
	a, err := netip.ParseAddrPort(s)
	check(t, err)
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}

// parseSsTime reads "1min59sec", "12sec", "900ms", and "1.234ms", which is ss
// for 1234 ms.
func parseSsTime(t *testing.T, s string) time.Duration {
	t.Helper()
	f := ssTime.FindStringSubmatch(s)
	if f == nil {
		t.Fatalf("time of ss is %q", s)
	}
	var d time.Duration
	for i, unit := range []time.Duration{time.Minute, time.Second, time.Second, time.Millisecond} {
		if f[i+1] != "" {
			n, err := strconv.Atoi(f[i+1])
			check(t, err)
			d += time.Duration(n) * unit
		}
	}
	return d
}
