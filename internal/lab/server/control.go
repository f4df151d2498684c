package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Control gives orders to a server process. It is used by one goroutine; the
// accepted function of New is called by another.
type Control struct {
	orders  *json.Encoder
	answers chan reply
	sockets *os.File // on which the process hands over its socket
}

// What can be wrong with a server process.
var (
	ErrEnded  = errors.New("the server process has ended")
	ErrSilent = errors.New("the server process does not answer")
)

// patience is how long an order may take on a busy machine.
const patience = 10 * time.Second

// New speaks to a process that runs Serve, over its two pipes and the other end of its
// AF_UNIX socket. It calls accepted for each connection that the server accepts, until
// out ends.
func New(in io.Writer, out io.Reader, sockets *os.File, accepted func(Accepted)) *Control {
	c := &Control{orders: json.NewEncoder(in), answers: make(chan reply, 1), sockets: sockets}
	go c.listenTo(out, accepted)
	return c
}

// maxAnswer bounds one line of the process: it is as good as ended if it says more.
const maxAnswer = 4 << 10

func (c *Control) listenTo(out io.Reader, accepted func(Accepted)) {
	defer close(c.answers)
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, maxAnswer)
	for answers.Scan() {
		var r reply
		if json.Unmarshal(answers.Bytes(), &r) != nil {
			return
		}
		if r.Accepted != nil {
			accepted(*r.Accepted)
		}
		if r.Done {
			c.answers <- r
		}
	}
}

func (c *Control) order(r request) (reply, error) {
	if err := c.orders.Encode(r); err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrEnded, err)
	}
	var answer reply
	var ok bool
	select {
	case answer, ok = <-c.answers:
	case <-time.After(patience):
		return reply{}, ErrSilent
	}
	if !ok {
		return reply{}, ErrEnded
	}
	if answer.Error != "" {
		return answer, errors.New(answer.Error)
	}
	return answer, nil
}

// Listen opens the listening socket and starts the accept policy.
func (c *Control) Listen(conf Config) (Listening, error) {
	answer, err := c.order(request{Listen: &conf})
	if err != nil {
		return Listening{}, err
	}
	if answer.Listening == nil {
		return Listening{}, fmt.Errorf("%w: its answer is none to the order", ErrEnded)
	}
	return *answer.Listening, nil
}

// ListenAgain calls listen() again with another backlog.
func (c *Control) ListenAgain(backlog int) error {
	_, err := c.order(request{Backlog: &backlog})
	return err
}

// Accept replaces the accept policy. With Some it returns after what was in the
// queue has been accepted and reported.
func (c *Control) Accept(p Policy) error {
	_, err := c.order(request{Accept: &p})
	return err
}

// Attach puts a classic BPF program at the listening socket, in place of the one before;
// an empty one takes it off. Connections have the filter of when they were made. Some
// kernels let only who has rights do that, which the process has not: so it hands its
// socket over.
func (c *Control) Attach(program []bpf.RawInstruction) error {
	if _, err := c.order(request{Hand: true}); err != nil {
		return err
	}
	fd, err := receive(int(c.sockets.Fd()))
	if err != nil {
		return fmt.Errorf("receive socket: %w", err)
	}
	defer unix.Close(fd)
	return attach(fd, program)
}

// Sync returns when the process has closed or reset what it had accepted before, if that
// is what it does at once.
func (c *Control) Sync() error {
	_, err := c.order(request{Sync: true})
	return err
}

// Close closes the listening socket; the process goes on.
func (c *Control) Close() error {
	_, err := c.order(request{Close: true})
	return err
}
