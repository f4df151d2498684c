package script

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

func readNetwork(s *statement) Action {
	if s.began {
		s.fail(s.words[0], "", "network must be the first step")
	}
	var seen [2]bool // the way, the family
	n := &s.script.Network
	for !s.done() {
		w := s.take("")
		family := 0
		switch w.text {
		case "wire", "loopback":
			n.Loopback = w.text == "loopback"
		case "ipv4", "ipv6":
			n.IPv6, family = w.text == "ipv6", 1
		default:
			s.fail(w, didYouMean(w.text, []string{"wire", "loopback", "ipv4", "ipv6"}), "unexpected %q", w.text)
		}
		if seen[family] {
			s.fail(w, s.usage, "%q is one too many", w.text)
		}
		seen[family] = true
	}
	return nil
}

// readRequire reads a fact without which the kernel cannot run the script.
func readRequire(s *statement) Action {
	if len(s.script.Steps) > 0 {
		s.fail(s.words[0], "a part of it: expect … if FACT", "require is about the whole script, and comes before its first step")
	}
	w := s.take("the name of a fact")
	f, ok := s.names.fact(w.text)
	switch {
	case !ok:
		s.fail(w, didYouMean(w.text, s.names.trueOrFalse()), "unknown fact %q", w.text)
	case !f.kind().single(truth):
		s.fail(w, "put it into an expectation: expect … if "+w.text+" == …", "%s is %s, not true or false", w.text, f.kind())
	case slices.Contains(s.script.Require, w.text):
		s.fail(w, "", "%s is required already", w.text)
	}
	s.script.Require = append(s.script.Require, w.text)
	return nil
}

// readFiles reads what the commands of the script may see of its folder. Whether it is
// there is known when the script is run.
func readFiles(s *statement) Action {
	if len(s.script.Steps) > 0 {
		s.fail(s.words[0], "", "files is about the whole script, and comes before its first step")
	}
	for _, w := range s.words[s.next:] {
		switch {
		case strings.ContainsRune(w.text, 0) || w.text == "":
			s.fail(w, "", "this names no file")
		case slices.Contains(s.script.Files, w.text):
			s.fail(w, "", "%s is named already", w.text)
		}
		s.script.Files = append(s.script.Files, w.text)
	}
	s.rest("the name of a file or folder beside the script")
	return nil
}

// sysctlName is what may follow sysctl. It becomes a path below /proc/sys/net.
var sysctlName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^net(\.[A-Za-z0-9_-]+){2,}$`)
})

// sysctls are those that matter to listen queues: for hints only.
var sysctls = []string{
	"net.core.somaxconn",
	"net.ipv4.tcp_abort_on_overflow",
	"net.ipv4.tcp_fastopen",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_max_syn_backlog",
	"net.ipv4.tcp_migrate_req",
	"net.ipv4.tcp_orphan_retries",
	"net.ipv4.tcp_retries2",
	"net.ipv4.tcp_syn_linear_timeouts",
	"net.ipv4.tcp_syn_retries",
	"net.ipv4.tcp_synack_retries",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_timestamps",
	"net.ipv4.tcp_tw_reuse",
}

func readSysctl(s *statement) Action {
	mayFail := s.accept("may", "fail")
	w := s.take("the name of a kernel setting, such as net.ipv4.tcp_syncookies")
	if !sysctlName().MatchString(w.text) {
		s.fail(w, sysctlHint(w.text), "expected a setting within net, not %q: an experiment changes only what its network namespaces have of their own", w.text)
	}
	value := strings.Join(s.rest("the value of "+w.text), " ")
	return Sysctl{Name: w.text, Value: value, MayFail: mayFail}
}

// sysctlHint finds the setting that was meant, also by its last part or as a path.
func sysctlHint(name string) string {
	name = strings.TrimPrefix(strings.ReplaceAll(name, "/", "."), ".proc.sys.")
	for _, full := range sysctls {
		if strings.HasSuffix(full, "."+name) || full == name {
			return "did you mean \"" + full + "\"?"
		}
	}
	return nearestHint(name, sysctls...)
}

// needsWire complains in an experiment that has none.
func (s *statement) needsWire(w word) {
	if s.script.Network.Loopback {
		s.fail(w, "leave the step out, or write: network wire", "%s: loopback has no wire", w.text)
	}
}

// direction reads `to server` or `to client` if it is there.
func (s *statement) direction() Direction {
	switch {
	case s.accept("to", "server"):
		return ToServer
	case s.accept("to", "client"):
		return ToClient
	}
	return 0
}

// The MTUs of a wire: the least is that of IPv4 (RFC 791), more than the most no frame has.
const minMTU, maxMTU = 68, 1500

func readWire(s *statement) Action {
	s.needsWire(s.words[0])
	do := Wire{To: s.direction(), Seed: 1}
	if s.accept("clean") {
		return do
	}
	if s.done() {
		s.fail(s.end(), s.usage, "expected what the wire does: delay, loss, duplicate, mtu or clean")
	}
	s.options([]string{"delay", "loss", "duplicate", "mtu", "seed"}, func(keyword string) bool {
		switch keyword {
		case "delay":
			do.Delay = s.duration(MaxWait)
		case "loss":
			do.Loss = s.percent()
		case "duplicate":
			do.Duplicate = s.percent()
		case "mtu":
			do.MTU = s.number("an MTU", minMTU, maxMTU)
		case "seed":
			do.Seed = s.seed()
		}
		return !s.failed()
	})
	return do
}

func readHold(s *statement) Action {
	s.needsWire(s.words[0])
	do := Hold{Kind: s.frameKind("what to hold", frameKinds)}
	do.To = s.wantDirection()
	s.reader.holds = true
	do.From = s.from()
	return do
}

func readRelease(s *statement) Action {
	s.needsWire(s.words[0])
	if !s.holds {
		s.fail(s.words[0], "write a hold before it", "nothing is held")
	}
	var do Release
	for !s.done() {
		do.Names = append(do.Names, s.members(s.take(""))...)
	}
	if do.Names == nil {
		s.reader.holds = false
	}
	return do
}
