package inside

import (
	"errors"
	"fmt"

	"listenq/internal/answer"
	"listenq/internal/lab/filter"
	"listenq/internal/lab/job"
	"listenq/internal/lab/network"
	"listenq/internal/lab/observe"
	"listenq/internal/lab/script"
)

// filters are the packet filters of an experiment.
type filters struct {
	server, client *filter.Table
	sockets        *observe.SocketDrops // nil without a filter at a socket
	all            []*filtered
}

// filtered is one of them.
type filtered struct {
	name, text string
	table      *filter.Table // nil at a socket
	socket     *running      // the server it is at
}

func newFilters(n *network.Network) *filters {
	f := &filters{server: filter.Open(int(n.Server.Netns.Fd()))}
	f.client = f.server
	if !n.Loopback() {
		f.client = filter.Open(int(n.Client.Netns.Fd()))
	}
	return f
}

func (f *filters) named(name string) *filtered {
	for _, x := range f.all {
		if x.name == name {
			return x
		}
	}
	panic("script.Parse let an unknown filter through: " + name)
}

func (f *filters) close() error {
	errs := []error{f.server.Close(), f.client.Close()}
	if f.sockets != nil {
		errs = append(errs, f.sockets.Diag.Close())
	}
	return errors.Join(errs...)
}

// filter puts a filter in force.
func (e *experiment) filter(do script.Filter, text string) error {
	r := filter.Rule{
		Name: do.Name, Kind: filter.Kind(do.Kind), Reject: do.Reject, ToServer: do.To != script.ToClient,
		Rate: do.Rate, Burst: do.Burst, Connections: do.Connections, Chance: do.Chance, OneIn: do.OneIn,
	}
	for _, client := range e.addresses(do.From) {
		r.Ports = append(r.Ports, client.Port())
	}
	x := &filtered{name: do.Name, text: text}
	if do.Socket != "" {
		x.socket = e.server(do.Socket)
		program, err := r.Program()
		if err != nil {
			return err
		}
		if err := e.followDrops(); err != nil {
			return err
		}
		if err := x.socket.control.Attach(program); err != nil {
			return fmt.Errorf("attach filter %s: %w", do.Name, err)
		}
	} else {
		x.table = e.filters.server
		if do.To == script.ToClient {
			x.table = e.filters.client
		}
		if err := x.table.Add(r); errors.Is(err, filter.ErrUnsupported) {
			return job.Lacks(err, "write require "+filterFact(do)+": then the experiment is skipped where there is none")
		} else if err != nil {
			return err
		}
		e.obs.FilteredBy(e.filters.server)
	}
	e.filters.all = append(e.filters.all, x)
	return nil
}

// followDrops begins to read what filters at sockets drop.
func (e *experiment) followDrops() (err error) {
	if e.filters.sockets != nil {
		return nil
	}
	if e.filters.sockets, err = observe.OpenSocketDrops(e.net.Server); err != nil {
		return fmt.Errorf("read drops of sockets: %w", err)
	}
	e.obs.DropsAt(e.filters.sockets)
	return nil
}

// filterFact is the fact that a filter needs.
func filterFact(do script.Filter) string {
	if do.Connections > 0 || do.Kind == script.FrameInvalid {
		return "has_conntrack"
	}
	return "has_filters"
}

// lift takes filters out of force.
func (e *experiment) lift(do script.Lift) error {
	for _, name := range do.Names {
		x := e.filters.named(name)
		if x.table == nil {
			if err := x.socket.control.Attach(nil); err != nil {
				return fmt.Errorf("detach filter %s: %w", name, err)
			}
			continue
		}
		if err := x.table.Lift(name); err != nil {
			return err
		}
	}
	return nil
}

// env is what expressions know of the filters.
func (f *filters) env() (map[string]script.Filtered, error) {
	all := map[string]script.Filtered{}
	var failed error
	for _, x := range f.all {
		var known script.Filtered
		if x.table != nil {
			n, err := x.table.Packets(x.name)
			if failed = errors.Join(failed, err); err == nil {
				known.Packets = &n
			}
		}
		all[x.name] = known
	}
	return all, failed
}

// results are the filters as the record has them.
func (f *filters) results() (all []answer.Filter, err error) {
	known, err := f.env()
	for _, x := range f.all {
		all = append(all, answer.Filter{Name: x.name, Text: x.text, Packets: known[x.name].Packets})
	}
	return all, err
}
