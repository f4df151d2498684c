package peers

import (
	"fmt"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/queue"
)

// asSs is what listenq saw in the words of ss (tcp_show_info and
// tcp_stats_print, misc/ss.c of iproute2), by cookie.
func asSs(l Look) table {
	t := table{}
	for i := range l.Sockets {
		s := &l.Sockets[i]
		t[fmt.Sprintf("%x", s.Cookie)] = entry{of: nameOf(s), fields: ssOf(s)}
	}
	return t
}

func ssOf(s *kernel.Socket) map[string]string {
	m := map[string]string{
		"state": string(s.State), "recv_q": fmt.Sprint(s.RecvQ), "send_q": fmt.Sprint(s.SendQ),
		"local": s.Local.String(), "remote": s.Remote.String(),
		"ino": fmt.Sprint(s.Inode), "uid": unlessZero(fmt.Sprint(s.UID)),
		"timer": "", "expires": "", "timer_retrans": "",
	}
	if s.Timer != kernel.TimerNone {
		m["timer"], m["timer_retrans"] = s.Timer.String(), fmt.Sprint(s.Retransmits)
		m["expires"] = fmt.Sprint(ssRounded(int(s.Expires.Milliseconds())))
	}
	memoryOf(m, s.Memory)
	if len(s.Info) > 0 {
		infoOf(m, s)
	}
	return m
}

// ssRounded drops milliseconds from ten seconds up, seconds from ten minutes up
// (print_ms_timer).
func ssRounded(ms int) int {
	minutes, seconds := ms/60_000, ms/1000%60
	switch {
	case minutes > 9:
		return minutes * 60_000
	case minutes > 0 || seconds > 9:
		return ms / 1000 * 1000
	}
	return ms
}

func memoryOf(m map[string]string, memory kernel.Memory) {
	for letters, count := range map[string]queue.Count{
		"r": memory.RmemAlloc(), "rb": memory.Rcvbuf(), "t": memory.WmemAlloc(), "tb": memory.Sndbuf(), "f": memory.FwdAlloc(),
		"w": memory.WmemQueued(), "o": memory.Optmem(), "bl": memory.Backlog(), "d": memory.Drops(),
	} {
		if count.Known {
			m["skmem_"+letters] = fmt.Sprint(count.N)
		}
	}
}

// ssNumbers are the numbers of struct tcp_info that ss writes as they are.
var ssNumbers = map[string]string{
	"backoff": "backoff", "mss": "snd_mss", "pmtu": "pmtu", "rcvmss": "rcv_mss", "advmss": "advmss", "cwnd": "snd_cwnd",
	"bytes_sent": "bytes_sent", "bytes_retrans": "bytes_retrans", "bytes_acked": "bytes_acked",
	"bytes_received": "bytes_received", "segs_out": "segs_out", "segs_in": "segs_in",
	"data_segs_out": "data_segs_out", "data_segs_in": "data_segs_in",
	"lastsnd": "last_data_sent", "lastrcv": "last_data_recv", "lastack": "last_ack_recv",
	"delivered": "delivered", "delivered_ce": "delivered_ce", "unacked": "unacked", "retrans": "retrans", "total_retrans": "total_retrans",
	"lost": "lost", "sacked": "sacked", "dsack_dups": "dsack_dups", "fackets": "fackets", "reord_seen": "reord_seen",
	"rcv_space": "rcv_space", "rcv_ssthresh": "rcv_ssthresh", "notsent": "notsent_bytes", "rcv_ooopack": "rcv_ooopack",
	"snd_wnd": "snd_wnd", "rcv_wnd": "rcv_wnd", "rehash": "rehash",
}

// ssTimes are those in microseconds, which ss writes in milliseconds.
var ssTimes = map[string]string{"rto": "rto", "ato": "ato", "rtt": "rtt", "rttvar": "rttvar", "rcv_rtt": "rcv_rtt", "minrtt": "min_rtt"}

// ssFlags are the bits of tcpi_options (TCPI_OPT_, include/uapi/linux/tcp.h).
var ssFlags = map[string]uint64{"ts": 1, "sack": 2, "ecn": 8, "ecnseen": 16, "fastopen": 32}

func infoOf(m map[string]string, s *kernel.Socket) {
	for word, field := range ssNumbers {
		if v, ok := s.Info.Field(field); ok {
			m[word] = unlessZero(fmt.Sprint(v))
		}
	}
	for word, field := range ssTimes {
		if us, ok := s.Info.Field(field); ok {
			m[word] = milliseconds(us)
		}
	}
	options, _ := s.Info.Field("options")
	for word, bit := range ssFlags {
		m[word] = yes(options&bit != 0)
	}
	ssSpecial(m, s, options)
}

// ssSpecial adds what ss writes in a form of its own, or not always.
func ssSpecial(m map[string]string, s *kernel.Socket, options uint64) {
	info := func(field string) uint64 { v, _ := s.Info.Field(field); return v }
	if m["wscale"] = ""; options&4 != 0 {
		m["wscale"] = fmt.Sprintf("%d,%d", info("snd_wscale"), info("rcv_wscale"))
	}
	if m["ssthresh"] = ""; info("snd_ssthresh") < 0xffff {
		m["ssthresh"] = unlessZero(fmt.Sprint(info("snd_ssthresh")))
	}
	if m["reordering"] = ""; info("reordering") != 3 {
		m["reordering"] = unlessZero(fmt.Sprint(info("reordering")))
	}
	m["app_limited"] = yes(info("delivery_rate_app_limited") != 0)
	m["delivery_rate"] = unlessZero(fmt.Sprint(8 * info("delivery_rate")))
	if m["pacing_rate"] = ""; info("pacing_rate") != 1<<64-1 {
		m["pacing_rate"] = unlessZero(fmt.Sprint(8 * info("pacing_rate")))
	}
	if m["busy"] = ""; info("busy_time") != 0 {
		m["busy"] = fmt.Sprint(info("busy_time") / 1000)
	}
	if info("rto") == 3_000_000 { // the initial one of old, which goes without saying
		m["rto"] = ""
	}
	if info("rtt") == 0 {
		m["rttvar"] = "" // is written behind it
	}
	if s.State == evidence.Listen { // ss leaves these out: queue limits, in place of what the names say
		delete(m, "sacked")
	}
}

// milliseconds writes microseconds as %g of C does.
func milliseconds(us uint64) string {
	if us == 0 || us == 1<<32-1 { // unknown
		return ""
	}
	return fmt.Sprintf("%.6g", float64(us)/1000)
}

func yes(flag bool) string {
	if flag {
		return "yes"
	}
	return ""
}
