// Package kernel reads what the running kernel knows of its TCP sockets: it
// hides NETLINK_SOCK_DIAG, struct tcp_info, the files of /proc, how a thread visits
// another network namespace, and what it costs to look.
//
//	diag, err := kernel.OpenDiag()
//	…
//	defer diag.Close()
//	listening := kernel.Request{Family: unix.AF_UNSPEC, States: kernel.States(handshake.Listen)}
//	err = diag.Dump(listening, func(s *kernel.Socket) error {
//		l := s.Listener()
//		fmt.Println(l.Address, l.AcceptLen, "of", l.AcceptLimit)
//		return nil
//	})
//
// A Host puts all of it together: the listeners of all namespaces as a
// queue.Sample, as often as wanted.
//
//	host, err := kernel.OpenHost(kernel.HostOptions{Namespaces: true, Processes: true, Requests: true, Waiting: true, Budget: 0.01})
//	…
//	var sample queue.Sample
//	err = host.Sample(&sample)
//
// It looks only: it changes nothing, keeps no history and does not judge. What it
// cannot be read is listed in Sample.Missing.
//
// It is over 3,000 lines: sockets, owners and namespaces are found by the same walk over one
// host, which is what a sample is.
package kernel
