package evidence

import (
	"time"
)

// A SYN cookie must hold what a request would. Without timestamps there is room for the
// MSS alone, and the options that the client has offered are not taken up
// (tcp_conn_request, net/ipv4/tcp_input.c). With them, cookie_init_timestamp
// (net/ipv4/syncookies.c) puts the options into the lowest six bits of the SYN-ACK's
// timestamp, and takes one that is not in the future: it is up to 63 ms old. Whatever
// the server sends later bears its clock as it is, and shows how old that was. The bits
// alone do not: a secret offset for each connection is added (secure_tcp_ts_off,
// net/core/secure_seq.c).
const (
	cookieAge   = 66 * time.Millisecond // a SYN-ACK's timestamp is at most so old, with one tick of each clock
	clockTicks  = 4 * time.Millisecond  // what is older than this is no matter of clocks
	clockDrifts = 4 * time.Second       // for so long two clocks go alike
	answersSoon = time.Millisecond      // of a SYN-ACK that has not waited to be sent
)

// negotiable are the options that a cookie without a timestamp cannot keep.
const negotiable = OptWindowScale | OptSACKPermitted

// offers notes how the server took up the options of a SYN, as requests are answered at
// this address and cookies are not.
func (a *Attempt) offers(p *Packet) {
	a.Server.Stamp, a.Server.Stamped = p.Options.TSVal, p.T
	c := &a.On.Crowd
	offered := a.Client.Offered & negotiable
	switch taken := p.Options.Present & negotiable; {
	case a.Scene.Sockets || offered == 0 || a.Held.FastOpened:
	case taken != 0:
		c.takesUp |= taken
	case a.Client.Offered&OptTimestamps == 0 && c.takesUp.Has(offered):
		a.recognise(p.T, p.Number)
	}
}

// dates recognises a SYN-ACK's timestamp that is older than the SYN that it answers, by the clock of
// a later segment of the server.
func (a *Attempt) dates(p *Packet) {
	since := p.T - a.Server.Stamped
	if a.Scene.Sockets || !a.Sees(ServerSide) || a.Server.Stamp == 0 || !p.Options.Present.Has(OptTimestamps) ||
		a.Held.Cookie || a.Held.SawRequest || a.Held.FastOpened || since > clockDrifts || a.Server.Stamped-a.Client.Asked > answersSoon {
		return
	}
	age := time.Duration(int32(p.Options.TSVal-a.Server.Stamp))*time.Millisecond - since
	if age > clockTicks && age < cookieAge {
		a.recognise(a.Server.Stamped, int(a.Firsts.SYNACK))
	}
}

// recognise notes that the server has sent a cookie, as packets show.
func (a *Attempt) recognise(t time.Duration, number int) {
	a.Held.Cookie = true
	a.note(Note{What: SentCookie}, t, number)
	a.remark(number, Note{What: SentCookie})
}
