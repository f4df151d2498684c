package inside

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"listenq/internal/evidence"
	"listenq/internal/kernel"
	"listenq/internal/lab/client"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/script"
)

// firstClientPort is the port of the first client; each other has the next, so
// that a capture can be read. It is below what the kernel gives to others.
const firstClientPort = 20001

// connect makes the connections of one step.
func (e *experiment) connect(ctx context.Context, do script.Connect) error {
	if do.Group != "" {
		e.groups[do.Group] = do.Names
	}
	switch do.Order {
	case script.Overlapping:
		return e.overlap(ctx, do)
	case script.AtOnce:
		return e.dial(do, do.Names...)
	}
	for i, name := range do.Names {
		if i > 0 && do.Order == script.Spaced {
			if err := e.wait(ctx, do.Gap); err != nil {
				return err
			}
		}
		if err := e.dial(do, name); err != nil {
			return err
		}
		if do.Order == script.OneByOne {
			if err := e.settle(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlap holds what follows the SYNs until each was answered or dropped, and
// lets it go in the order of the names.
func (e *experiment) overlap(ctx context.Context, do script.Connect) error {
	clients := e.addresses(do.Names)
	rest := e.net.Wire.Hold(evidence.ServerSide, func(p *evidence.Packet) bool {
		return !p.Flags.Has(evidence.SYN) && slices.Contains(clients, p.Src)
	})
	defer rest.Close()
	for _, name := range do.Names {
		if err := errors.Join(e.dial(do, name), e.settle(ctx)); err != nil {
			return err
		}
	}
	for _, client := range clients {
		rest.Release(func(p *evidence.Packet) bool { return p.Src == client })
		if err := e.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// assignPorts gives every connection of the script its address, so that rules
// can name it before it is made. No client has the port of a server: by that
// their sockets are identified.
func assignPorts(s *script.Script, client netip.Addr) map[string]netip.AddrPort {
	servers := serverPorts(s)
	assigned := map[string]netip.AddrPort{}
	port := firstClientPort
	for _, step := range s.Steps {
		if do, ok := step.Do.(script.Connect); ok {
			if do.Reuse != "" {
				assigned[do.Names[0]] = assigned[do.Reuse]
				continue
			}
			for _, name := range do.Names {
				for slices.Contains(servers, port) {
					port++
				}
				assigned[name] = netip.AddrPortFrom(client, uint16(port))
				port++
			}
		}
	}
	return assigned
}

func serverPorts(s *script.Script) (ports []int) {
	for _, step := range s.Steps {
		switch do := step.Do.(type) {
		case script.Server:
			ports = append(ports, do.Port)
		case script.ServerExec:
			ports = append(ports, do.Port)
		}
	}
	return ports
}

func (e *experiment) addresses(names []string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, name := range names {
		all = append(all, e.assigned[name])
	}
	return all
}

// dial begins to connect the clients of those names, in a row.
func (e *experiment) dial(do script.Connect, names ...string) error {
	return kernel.InNetns(int(e.net.Client.Netns.Fd()), func() error {
		for _, name := range names {
			if err := e.dialOne(name, do); err != nil {
				return fmt.Errorf("connect %s: %w", name, err)
			}
		}
		return nil
	})
}

// dialOne begins to connect one client. The calling thread is in the clients' namespace.
func (e *experiment) dialOne(name string, do script.Connect) (err error) {
	to := e.server(do.To).address
	c := &connection{name: name, Pair: observe.Pair{Client: e.assigned[name], Server: to}}
	if do.Reuse != "" {
		e.obs.Retire(do.Reuse, c.Pair)
	}
	e.obs.ExpectClient(c.Pair)
	c.Conn, err = client.Dial(client.Config{
		Local: c.Client, Reuse: do.Reuse != "", Remote: to, MPTCP: do.MPTCP, Text: do.Text, Ask: do.Ask, GiveUp: do.GiveUp, Clock: e.clock.Now,
		Report: func(call evidence.Call) { e.obs.Call(name, call) },
	})
	if err != nil {
		return err
	}
	e.byName[name] = c
	e.clients = append(e.clients, c)
	return nil
}
