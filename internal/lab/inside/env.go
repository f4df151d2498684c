package inside

import (
	"listenq/internal/lab/observe"
	"listenq/internal/lab/script"
)

// env is what an expression of the script can ask for now.
func (e *experiment) env() script.Env {
	filters, err := e.filters.env()
	env := script.Env{
		Conns:     map[string]script.Conn{},
		Groups:    map[string][]script.Conn{},
		Listeners: map[string]script.Listener{},
		Execs:     e.results,
		Filters:   filters,
		Observed:  e.observed,
		Facts:     e.facts,
	}
	clients := make(map[string]observe.Pair, len(e.clients))
	for _, c := range e.clients {
		clients[c.name] = c.Pair
	}
	servers := map[string]*observe.Listener{}
	for _, s := range e.servers {
		switch {
		case s.watched != nil:
			servers[s.name] = s.watched
		case s.control != nil:
			env.Listeners[s.name] = script.Listener{} // it does not listen yet
		}
	}
	e.obs.Env(&env, clients, servers, err)
	for group, names := range e.groups {
		for _, name := range names {
			env.Groups[group] = append(env.Groups[group], env.Conns[name])
		}
	}
	return env
}
