package evidence

import (
	"time"
)

// clockError is how far the times of calls and of packets may disagree.
const clockError = time.Millisecond

// Returned is when the call returned: it counts from then on.
func (c *Call) Returned() time.Duration { return c.T + c.Duration }

// TakeCall takes a system call of the client.
func (a *Attempt) TakeCall(c *Call) {
	now := c.Returned()
	switch c.Name {
	case "connect":
		a.takeConnect(c, now)
	case "close", "shutdown":
		n := Note{What: ClientCloses}
		switch {
		case c.Reset:
			n.What = ClientResets
		case c.Name == "shutdown":
			n.What = ClientShuts
		}
		began := c.T // its FIN or RST leaves before it returns
		if a.Client.FINSent && c.T-a.Client.FINAt < clockError {
			began = min(began, a.Client.FINAt)
		}
		a.note(n, began, 0)
	default:
		if c.Errno != "" && c.Errno != "EAGAIN" && c.Errno != "EINTR" {
			a.note(Note{What: CallFailed, Call: c.Name, Errno: c.Errno}, now, 0)
		}
	}
}

func (a *Attempt) takeConnect(c *Call, now time.Duration) {
	n := Note{What: ConnectFailed, Errno: c.Errno, Took: c.Duration}
	switch {
	case c.Own:
		a.Calls.GaveUp = true
		n.What = ConnectEnded
	case c.Errno == "" || c.Errno == "EISCONN":
		a.Calls.Connected = true
		return
	case c.Errno == "ETIMEDOUT":
		a.Calls.TimedOut = true
	case c.Errno == "ECONNREFUSED":
		a.Calls.Refused = true
	case c.Errno == "ECONNRESET":
		a.Calls.Reset = true
	case c.Errno == "EINPROGRESS" || c.Errno == "EALREADY" || c.Errno == "EINTR" || c.Errno == "EAGAIN":
		return
	}
	a.note(n, now, 0)
}
