package observe

import (
	"listenq/internal/lab/network"
	"listenq/internal/lab/peers"
	"listenq/internal/queue"
)

// Peek looks at one side for a comparison, apart from what the model is given.
func (o *Observer) Peek(side *network.Side) (peers.Look, error) {
	o.sampling.Lock()
	defer o.sampling.Unlock()
	var s sampler
	if err := s.read(side.Diag, true); err != nil {
		return peers.Look{}, err
	}
	var counters queue.Counters
	err := side.Samples.Read(&counters)
	return peers.Look{Sockets: append(s.listeners, s.connections...), Counters: counters}, err
}
