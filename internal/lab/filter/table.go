package filter

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Table holds the filters of one network namespace. It may be used from any goroutine.
type Table struct {
	mu     sync.Mutex
	netns  int
	conn   *nftables.Conn // nil before the first Add
	link   *netlink.Conn  // of conn
	table  *nftables.Table
	inside []string       // names of the filters that are in force
	lifted map[string]int // what those that are not any more have taken
}

// ErrUnsupported says that the kernel has no nftables, or not what a rule needs of it.
var ErrUnsupported = errors.New("this kernel has no such packet filter")

// Open returns the table of a namespace, of which it keeps the descriptor. Nothing is in it.
func Open(netns int) *Table {
	return &Table{netns: netns, lifted: map[string]int{}}
}

// Add puts a filter in force. Of several that match a segment each sees it that those
// before it have let through.
func (t *Table) Add(r Rule) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.open(); err != nil {
		return err
	}
	accept := nftables.ChainPolicyAccept
	kind := t.conn.AddChain(&nftables.Chain{Name: r.Name + kindChain, Table: t.table})
	act := t.conn.AddChain(&nftables.Chain{Name: r.Name + actChain, Table: t.table})
	t.rule(act, r.action())
	for _, exprs := range r.byKind() {
		t.rule(kind, exprs)
	}
	hook := t.conn.AddChain(&nftables.Chain{Name: r.Name, Table: t.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: t.next(), Policy: &accept})
	for _, exprs := range r.atHook() {
		t.rule(hook, exprs)
	}
	if err := t.flush(); err != nil {
		return fmt.Errorf("add filter %s: %w", r.Name, err)
	}
	t.inside = append(t.inside, r.Name)
	return nil
}

// next is the priority of a chain behind those that there are. Of equal ones the newest
// would be the first (nf_hook_entries_grow, net/netfilter/core.c).
func (t *Table) next() *nftables.ChainPriority {
	return nftables.ChainPriorityRef(*nftables.ChainPriorityFilter + nftables.ChainPriority(len(t.inside)+len(t.lifted)))
}

func (t *Table) rule(chain *nftables.Chain, exprs []expr.Any) {
	t.conn.AddRule(&nftables.Rule{Table: t.table, Chain: chain, Exprs: exprs})
}

// open makes the table before the first filter.
func (t *Table) open() error {
	if t.conn != nil {
		return nil
	}
	conn, err := nftables.New(nftables.WithNetNSFd(t.netns), nftables.AsLasting(), nftables.WithSockOptions(func(link *netlink.Conn) error {
		t.link = link
		return t.limit()
	}))
	if err != nil {
		return fmt.Errorf("open nftables: %w", unsupported(err))
	}
	// A kernel without nf_tables answers a batch once, whatever is in it
	// (nfnetlink_rcv_batch, net/netfilter/nfnetlink.c): it would be waited for in vain.
	if _, err := conn.ListTablesOfFamily(nftables.TableFamilyINet); err != nil {
		return errors.Join(fmt.Errorf("list tables of nftables: %w", unsupported(err)), conn.CloseLasting())
	}
	t.conn = conn
	t.table = conn.AddTable(&nftables.Table{Name: "listenq", Family: nftables.TableFamilyINet})
	return nil
}

// patience is how long the kernel may take to answer on a busy machine.
const patience = 10 * time.Second

// limit sets until when an answer is waited for.
func (t *Table) limit() error { return t.link.SetReadDeadline(time.Now().Add(patience)) }

// flush sends what is to be done as one batch.
func (t *Table) flush() error {
	if err := t.limit(); err != nil {
		return err
	}
	return unsupported(t.conn.Flush())
}

// unsupported marks what the kernel says where it lacks something: no netlink of
// netfilter, no nf_tables in it, an expression that it does not know.
func unsupported(err error) error {
	for _, errno := range []unix.Errno{unix.EPROTONOSUPPORT, unix.EINVAL, unix.ENOENT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return fmt.Errorf("%w (%w)", ErrUnsupported, err)
		}
	}
	return err
}

// Lift takes a filter out of force; its counter stays as it is.
func (t *Table) Lift(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range t.inside {
		if other != name {
			continue
		}
		hook := &nftables.Chain{Name: name, Table: t.table}
		t.conn.FlushChain(hook)
		if err := t.flush(); err != nil {
			return fmt.Errorf("lift filter %s: %w", name, err)
		}
		taken, err := t.read(name)
		if err != nil {
			return err
		}
		t.lifted[name] = taken
		t.inside = append(t.inside[:i], t.inside[i+1:]...)
		return t.remove(hook)
	}
	return fmt.Errorf("there is no filter %s", name)
}

// remove deletes the chains of a filter, each before those that it leads to.
func (t *Table) remove(hook *nftables.Chain) error {
	t.conn.DelChain(hook)
	for _, name := range []string{hook.Name + kindChain, hook.Name + actChain} {
		chain := &nftables.Chain{Name: name, Table: t.table}
		t.conn.FlushChain(chain)
		t.conn.DelChain(chain)
	}
	if err := t.flush(); err != nil {
		return fmt.Errorf("lift filter %s: %w", hook.Name, err)
	}
	return nil
}

// Packets is how many segments a filter has taken.
func (t *Table) Packets(name string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if taken, ok := t.lifted[name]; ok {
		return taken, nil
	}
	return t.read(name)
}

// Taken is how many segments all filters have taken.
func (t *Table) Taken() (sum uint64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.lifted {
		sum += uint64(n)
	}
	for _, name := range t.inside {
		n, err := t.read(name)
		if err != nil {
			return 0, err
		}
		sum += uint64(n)
	}
	return sum, nil
}

// read returns the counter of a filter that is in force.
func (t *Table) read(name string) (int, error) {
	if err := t.limit(); err != nil {
		return 0, err
	}
	rules, err := t.conn.GetRules(t.table, &nftables.Chain{Name: name + actChain})
	if err != nil {
		return 0, fmt.Errorf("read the counter of filter %s: %w", name, err)
	}
	for _, r := range rules {
		for _, e := range r.Exprs {
			if c, ok := e.(*expr.Counter); ok {
				return int(c.Packets), nil
			}
		}
	}
	return 0, fmt.Errorf("read the counter of filter %s: there is none", name)
}

// Close gives back what it holds of this process; the filters stay.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return nil
	}
	return t.conn.CloseLasting()
}
