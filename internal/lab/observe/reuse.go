package observe

// past is a connection whose port another one has.
type past struct {
	ends *ends
}

// Retire keeps what was seen of a connection under its name, before another one has its
// port. What is left of it at the server is no socket of the new one.
func (o *Observer) Retire(name string, p Pair) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.lastSeen(p)
	o.past[name] = past{old}
	if old.server.exists() {
		o.stale[old.server.cookie] = true
	}
	delete(o.conns, p)
}

// seenAs is what was last seen of the connection of that name. The caller holds mu.
func (o *Observer) seenAs(name string, p Pair) *ends {
	if old, ok := o.past[name]; ok {
		return old.ends
	}
	return o.lastSeen(p)
}
