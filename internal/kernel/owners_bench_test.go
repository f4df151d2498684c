package kernel

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"listenq/internal/queue"

	"golang.org/x/sys/unix"
)

// crowd are 3,000 listeners of a namespace, and 13,000 more sockets, all of this
// process.
func crowd(b *testing.B) (namespace, []queue.Listener) {
	b.Helper()
	const listening, sockets = 3000, 16000
	ns := newNamespace(b, 0)
	var listeners []queue.Listener
	for port := range listening {
		fd, _ := ns.listen(b, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(10000+port)).String(), 8)
		listeners = append(listeners, queue.Listener{Inode: inode(b, fd)})
	}
	for range sockets - listening {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		check(b, err)
		b.Cleanup(func() { unix.Close(fd) })
	}
	return ns, listeners
}

// BenchmarkOwners finds the processes of 3,000 listeners among 16,000 sockets, and of
// one that nobody has: as a program does once, as it does later in either way, as it
// does at each sample, and as ss does.
func BenchmarkOwners(b *testing.B) {
	ns, listeners := crowd(b)
	fill := func(b *testing.B, o *owners, l []queue.Listener, missing int) {
		if got := o.fill(l); len(got) != missing {
			b.Fatalf("missing %+v", got)
		}
	}
	others := append(listeners[:len(listeners):len(listeners)], queue.Listener{Inode: 1<<32 - 1})
	b.Run("cold", func(b *testing.B) {
		cpu(b, func() {
			for b.Loop() {
				o := newOwners()
				fill(b, o, others, 1)
				check(b, o.close())
			}
		})
	})
	for _, way := range ways {
		o := way.open(b)
		b.Run("again/"+way.name, func(b *testing.B) {
			cpu(b, func() {
				for b.Loop() {
					o.search = pause{}
					fill(b, o, others, 1)
				}
			})
		})
	}
	b.Run("warm", func(b *testing.B) {
		o := openOwners(b)
		fill(b, o, listeners, 0)
		o.search.cost, o.check.cost = time.Hour, time.Hour // so that neither is done again
		cpu(b, func() {
			for b.Loop() {
				fill(b, o, listeners, 0)
			}
		})
	})
	b.Run("verify", func(b *testing.B) {
		o := openOwners(b)
		fill(b, o, listeners, 0)
		cpu(b, func() {
			for b.Loop() {
				o.check = pause{last: time.Now().Add(-time.Hour)}
				if o.verify(time.Now()) {
					b.Fatal("a descriptor is gone")
				}
			}
		})
	})
	b.Run("ss", func(b *testing.B) {
		for b.Loop() {
			if out := ns.output(b, "ss", "-Hlntp"); len(out) < len(listeners) {
				b.Fatal(fmt.Sprint("ss shows ", out))
			}
		}
	})
}

// TestOwnersAllocateNothing is about what is done at each sample.
func TestOwnersAllocateNothing(t *testing.T) { eachWay(t, ownersAllocateNothing) }

func ownersAllocateNothing(t *testing.T, open func(testing.TB) *owners) {
	ns := newNamespace(t, 0)
	var listeners []queue.Listener
	for port := range 50 {
		fd, _ := ns.listen(t, fmt.Sprintf("127.0.0.1:%d", 100+port), 8)
		listeners = append(listeners, queue.Listener{Inode: inode(t, fd)})
	}
	o := open(t)
	o.fill(listeners)
	o.search.cost, o.check.cost = time.Hour, time.Hour
	if n := testing.AllocsPerRun(100, func() { o.fill(listeners) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
