package peers

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"listenq/internal/evidence"
)

// ssStates are the states as ss names them.
var ssStates = map[string]evidence.State{
	"ESTAB": evidence.Established, "SYN-SENT": evidence.SynSent, "SYN-RECV": evidence.SynRecv,
	"FIN-WAIT-1": evidence.FinWait1, "FIN-WAIT-2": evidence.FinWait2, "TIME-WAIT": evidence.TimeWait,
	"UNCONN": evidence.Close, "CLOSE-WAIT": evidence.CloseWait, "LAST-ACK": evidence.LastAck,
	"LISTEN": evidence.Listen, "CLOSING": evidence.Closing,
}

// readSs reads the lines of ss -tanmoieHO:
//
//	LISTEN 3 2 0.0.0.0:8080 0.0.0.0:* uid:1000 ino:39 sk:7a7 <-> skmem:(r0,rb131072,…) bbr cwnd:10 unacked:3
func readSs(output string) (table, error) {
	t := table{}
	for line := range strings.Lines(output) {
		fields, err := ssFields(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("%w in line %q", err, line)
		}
		cookie := fields["sk"]
		if cookie == "" {
			return nil, fmt.Errorf("%w: no cookie in line %q", ErrOutput, line)
		}
		delete(fields, "sk")
		local, _ := netip.ParseAddrPort(fields["local"]) // both are written by ssAddress
		remote, _ := netip.ParseAddrPort(fields["remote"])
		t[cookie] = entry{of: name(fields["state"], local, remote), fields: fields}
	}
	return t, nil
}

func ssFields(words []string) (map[string]string, error) {
	if len(words) < 5 || ssStates[words[0]] == "" {
		return nil, ErrOutput
	}
	local, err := ssAddress(words[3])
	if err != nil {
		return nil, err
	}
	remote, err := ssAddress(words[4])
	if err != nil {
		return nil, err
	}
	fields := map[string]string{
		"state": string(ssStates[words[0]]), "recv_q": words[1], "send_q": words[2],
		"local": local.String(), "remote": remote.String(),
	}
	for rest := words[5:]; len(rest) > 0; {
		n, err := ssWord(fields, rest)
		if err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return fields, nil
}

// ssWord reads what words begin with, and returns how many words it took.
func ssWord(fields map[string]string, words []string) (int, error) {
	name, value, colon := strings.Cut(words[0], ":")
	switch {
	case !colon && len(words) > 1 && strings.HasSuffix(words[1], "bps"):
		rate, _, _ := strings.Cut(words[1], "/") // and its limit
		fields[name] = strings.TrimSuffix(rate, "bps")
		return 2, nil
	case strings.Contains("--><->--x<-x", name): // what is shut down
		fields["direction"] = name
	case !colon:
		fields[name] = "yes"
	case name == "timer":
		return 1, ssTimer(fields, value)
	case name == "skmem":
		ssMemory(fields, value)
	case name == "rtt":
		fields["rtt"], fields["rttvar"], _ = strings.Cut(value, "/")
	case name == "retrans":
		now, total, _ := strings.Cut(value, "/")
		fields["retrans"], fields["total_retrans"] = unlessZero(now), total
	case name == "busy":
		fields[name] = strings.TrimSuffix(value, "ms")
	default:
		fields[name] = value
	}
	return 1, nil
}

func unlessZero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}

// ssMemory reads (r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d1).
func ssMemory(fields map[string]string, value string) {
	for _, part := range strings.Split(strings.Trim(value, "()"), ",") {
		letters := strings.TrimRight(part, "0123456789")
		fields["skmem_"+letters] = part[len(letters):]
	}
}

// ssTimer reads (on,984ms,0).
func ssTimer(fields map[string]string, value string) error {
	parts := strings.Split(strings.Trim(value, "()"), ",")
	if len(parts) != 3 {
		return fmt.Errorf("%w: timer %q", ErrOutput, value)
	}
	ms, err := ssTime(parts[1])
	fields["timer"], fields["expires"], fields["timer_retrans"] = parts[0], strconv.Itoa(ms), parts[2]
	return err
}

var ssTimeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:(\d{1,9})min)?(?:(\d{1,2})sec)?(?:(\d{1,2})\.)?(?:(\d{1,3})ms)?$`)
})

// ssTime reads 1min59sec, 12sec, 900ms, and 1.234ms, which is ss for 1234 ms.
func ssTime(s string) (ms int, err error) {
	f := ssTimeForm().FindStringSubmatch(s)
	if f == nil {
		return 0, fmt.Errorf("%w: time %q", ErrOutput, s)
	}
	for i, unit := range []int{60_000, 1000, 1000, 1} {
		n, _ := strconv.Atoi(f[i+1]) // digits, or nothing
		ms += n * unit
	}
	return ms, nil
}

// ssAddress reads 192.0.2.2:80, [::1]:80, *:80 and the like.
func ssAddress(s string) (netip.AddrPort, error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return netip.AddrPort{}, fmt.Errorf("%w: address %q", ErrOutput, s)
	}
	host, _, _ := strings.Cut(s[:colon], "%") // the interface that it is bound to
	if host = strings.Trim(host, "[]"); host == "*" {
		host = "::"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%w: address %q", ErrOutput, s)
	}
	return withPort(ip, s[colon+1:])
}
