// Package kernel reads what the running kernel knows of its TCP sockets: it
// hides NETLINK_SOCK_DIAG, struct tcp_info, the counter files of /proc, and how
// a thread visits another network namespace.
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
// It looks only: it changes nothing, keeps no history, has no clock and does not
// judge. It does not look for the processes that own a socket.
package kernel
