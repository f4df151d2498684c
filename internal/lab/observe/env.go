package observe

import (
	"listenq/internal/handshake"
	"listenq/internal/judge"
	"listenq/internal/kernel"
	"listenq/internal/lab/script"
)

// Env adds what is seen of connections and listeners, by their names, and how far the counters
// have moved. An error is one of what else the caller has looked at.
func (o *Observer) Env(env *script.Env, clients map[string]Pair, servers map[string]*Listener, failed error) {
	unseen, refused := o.net.LostFrames()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost.own = unseen+refused > 0
	o.note(failed)
	for name, p := range clients {
		env.Conns[name] = o.connEnv(name, p)
	}
	for name, l := range servers {
		env.Listeners[name] = l.env()
	}
	env.Delta = movedInt(o.counters[0])
	env.ClientDelta = env.Delta
	if !o.net.Loopback() {
		env.ClientDelta = movedInt(o.counters[1])
	}
}

// connEnv is a connection; the caller holds mu.
func (o *Observer) connEnv(name string, p Pair) script.Conn {
	ends := o.seenAs(name, p)
	env := script.Conn{
		Name:        name,
		Outcome:     judge.Unknown,
		Cause:       judge.UnknownCause,
		ClientState: ends.client.State,
		ServerState: ends.server.State,
		ClientTimer: script.Timer(ends.client.timer.String()),
		ServerTimer: script.Timer(ends.server.timer.String()),
	}
	if e := ends.client; e.exists() {
		env.ClientRecvQ, env.ClientSendQ = &e.RecvQ, &e.SendQ
	}
	if e := ends.server; e.exists() {
		env.ServerRecvQ, env.ServerSendQ, env.Owned = &e.RecvQ, &e.SendQ, &e.Owned
	}
	if ends.waited > 0 {
		env.Wait = new(ends.waited)
	}
	for _, call := range ends.calls {
		errno := new(script.Errno(call.Errno))
		if env.Errno == nil || call.Errno != "" {
			env.Errno = errno
		}
		if call.Name == "connect" {
			env.Connect, env.ConnectErrno = new(call.Duration), errno
		}
	}
	if a := o.tracker.Attempt(p.Client, p.Server); a != nil {
		describe(&env, a, o.lost.judge(a))
	}
	return env
}

// describe adds what the model makes of a connection.
func describe(env *script.Conn, a *handshake.Attempt, v judge.Verdict) {
	env.Outcome, env.Cause, env.EndedBy = v.Outcome, v.Cause, v.EndedBy
	env.Struck, env.Handshake, env.Confidence = v.Struck, v.Handshake, v.Confidence
	env.SynRetransmits, env.SynAckRetransmits, env.DataRetransmits = v.SynRetransmits, v.SynAckRetransmits, v.DataRetransmits
	switch v.Outcome {
	case judge.Accepted, judge.Queued:
		env.Delay = &v.Delay
	case judge.Reset, judge.Refused, judge.TimedOut:
		if h := a.History(); len(h) > 0 {
			env.Ended = new(h[len(h)-1].T - a.Start())
		}
	}
}

// env is a listener; the caller holds mu.
func (l *Listener) env() script.Listener {
	env := script.Listener{
		Open:      l.open,
		AcceptMax: &l.acceptMax,
	}
	if !l.open {
		return env
	}
	env.Accept, env.Limit = new(l.AcceptLen), new(l.AcceptLimit)
	env.Full = new(l.Full())
	if l.SynLen.Known {
		env.Syn, env.SynMax = l.synLen(), &l.synMax
		env.Waiting, env.Dead = new(l.waiting), new(max(0, l.AcceptLen-l.waiting))
	}
	if l.Drops.Known {
		env.Drops = new(int(l.Drops.N))
	}
	env.Unacked, env.Sacked = field(l.info, "unacked"), field(l.info, "sacked")
	return env
}

// field is a field of struct tcp_info; nil if the kernel did not give it.
func field(info kernel.TCPInfo, name string) *int {
	value, ok := info.Field(name)
	if !ok {
		return nil
	}
	return new(int(value))
}

// movedInt is how far each counter moved since the first step.
func movedInt(m movement) map[string]int64 {
	moved := map[string]int64{}
	for i, name := range m.last.Names {
		moved[name] = int64(m.last.Values[i] - valueAt(m.first, i, name))
	}
	return moved
}
