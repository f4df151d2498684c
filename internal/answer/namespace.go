package answer

import (
	"strconv"

	"listenq/internal/queue"
)

// Namespace is a network namespace that was looked at.
type Namespace struct {
	Netns     queue.NetnsID     `json:"netns"`
	Name      string            `json:"name,omitempty"`            // as ip netns calls it
	Host      bool              `json:"host,omitempty"`            // it is that of PID 1
	Somaxconn *int              `json:"somaxconn,omitempty"`       // net.core.somaxconn, the most that a limit can be
	Sysctls   map[string]string `json:"sysctls,omitempty"`         // those that matter at a listen queue
	Machine   []string          `json:"machine_sysctls,omitempty"` // of the sysctls, those that this kernel has for the whole machine
	Counters  map[string]uint64 `json:"counters,omitempty"`        // by their names in nstat
}

func newNamespace(n *queue.Namespace) Namespace {
	row := Namespace{Netns: n.ID, Name: n.Name, Host: n.Host, Sysctls: n.Sysctls, Machine: n.Machine, Counters: map[string]uint64{}}
	if somaxconn, known := n.Somaxconn(); known {
		row.Somaxconn = &somaxconn
	}
	for i, name := range n.Counters.Names {
		row.Counters[name] = n.Counters.Values[i]
	}
	return row
}

// NetnsName is how a network namespace is called in a text, and in a filter.
func NetnsName(n *queue.Namespace, id queue.NetnsID) string {
	switch {
	case n != nil && n.Name != "":
		return n.Name
	case n != nil && n.Host:
		return queue.HostNetns
	}
	return strconv.FormatUint(uint64(id), 10)
}
