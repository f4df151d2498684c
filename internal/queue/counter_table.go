package queue

// Counter is a counter of the kernel that matters at a listen queue. Others are kept, too,
// under the names that the kernel gives them (Counters).
type Counter struct {
	Name   string // as nstat prints it
	Counts string // what it counts
	Title  string // in two words, of those that a summary shows
	Since  Linux  // the first that has it, where a kernel that listenq supports may lack it
	Noise  bool   // what it counts raises sk_drops, and is no drop of the accept queue or none that ListenDrops counts
}

// Linux is a version of Linux: 5.14 is {5, 14}.
type Linux struct{ Major, Minor int }

// CounterTable are those that matter, the most important first. What they count is in the source
// of Linux: tcp_conn_request and tcp_listendrop (net/ipv4/tcp_input.c, include/net/tcp.h),
// tcp_v4_syn_recv_sock (net/ipv4/tcp_ipv4.c), tcp_check_req (net/ipv4/tcp_minisocks.c),
// cookie_v4_check (net/ipv4/syncookies.c).
var CounterTable = []Counter{
	{Name: "TcpExtListenOverflows", Title: "overflows", Counts: "SYNs, final ACKs and data that found the accept queue full."},
	{Name: "TcpExtListenDrops", Title: "listen drops", Counts: "All that listeners dropped: the same, and what found the SYN queue full or no memory."},
	{Name: "TcpExtTCPReqQFullDrop", Counts: "SYNs that found the SYN queue full and were dropped: SYN cookies are off."},
	{Name: "TcpExtTCPReqQFullDoCookies", Counts: "SYNs that found the SYN queue full and were to be answered with a cookie."},
	{Name: "TcpExtSyncookiesSent", Title: "cookies", Counts: "SYN-ACKs with a cookie."},
	{Name: "TcpExtSyncookiesRecv", Counts: "Final ACKs with a valid cookie; that there was room is not said."},
	{Name: "TcpExtSyncookiesFailed", Counts: "ACKs with an invalid cookie, answered with a reset."},
	{Name: "TcpExtEmbryonicRsts", Counts: "Requests that a reset ended: by the client, or by tcp_abort_on_overflow."},
	{Name: "TcpExtTCPDeferAcceptDrop", Noise: true, Counts: "Final ACKs without data that TCP_DEFER_ACCEPT ignored."},
	{Name: "TcpExtTCPTimeouts", Counts: "Timers that ran out: SYNs, SYN-ACKs and data not answered in time."},
	{Name: "TcpExtTCPSynRetrans", Counts: "SYNs and SYN-ACKs that were sent again."},
	{Name: "TcpExtTCPFastOpenListenOverflow", Noise: true, Counts: "Fast Open SYNs that found their own queue full."},
	{Name: "TcpExtTCPMigrateReqSuccess", Since: Linux{5, 14}, Counts: "Requests and connections that moved from a closed listener to another."},
	{Name: "TcpExtTCPMigrateReqFailure", Since: Linux{5, 14}, Counts: "Those that could not be moved."},
	{Name: "TcpAttemptFails", Noise: true, Counts: "Attempts to connect that failed on either side; not by a full accept queue."},
	{Name: "TcpOutRsts", Counts: "Resets that were sent."},
	{Name: "TcpPassiveOpens", Counts: "Connections that were made by an incoming SYN."},
	{Name: "TcpInCsumErrors", Counts: "Segments with a wrong checksum."},
	{Name: "TcpExtIPReversePathFilter", Counts: "Packets dropped as their sender's address is not reached through the interface they came in by."},
}
