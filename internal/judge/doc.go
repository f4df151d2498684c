// Package judge makes a verdict of what was seen of an attempt to open a connection: what has
// become of it, why, what else it can be, and how sure that is; and of all attempts on an
// address, what is the matter with its listener.
//
//	queue := judge.Reconstruct(visits)   // of all clients of a listener, each by VisitOf
//	v := judge.Attempt(seen, &queue)     // of one of them
//
// It is pure: evidence in, a verdict out. It keeps nothing and changes nothing: judged
// twice, the same evidence gives the same.
//
// # How it judges
//
// What was seen leaves some states (State) that the attempt can have come to, and one of them
// fits best. A state has a cause if a packet was struck before it, and what can have struck
// a packet is known from counters and the wire, or it is a differential diagnosis: a hypothesis
// is on the list if it predicts the trouble that was seen. It leaves the list only when
// something that was seen contradicts it; that something is rare does not. The ones that are
// left are ranked by how well they fit, which is an order and no proof. A verdict is likely
// when something was seen that one hypothesis alone explains, and certain when all the others
// are contradicted.
//
// # What the words mean here
//
// The table of outcomes leaves some cases open. They are read so:
//
//   - Once accepted an attempt stays accepted. One in the accept queue stays
//     queued when its client closes or resets it; its cause is the server, which
//     has not called accept, unless a packet was struck before.
//   - The cause is the first stage of the handshake that was struck: SYN, SYN-ACK,
//     final ACK (or data or FIN in its place). Half-open, phantom, forgotten and
//     what follows from them need a strike at the final ACK, so that is their cause
//     even if a SYN was dropped before. Within the last stage a full accept queue comes
//     before a loss and before TCP_DEFER_ACCEPT.
//   - A client that ends its connect(), or answers the SYN-ACK with RST, gave up:
//     ended by the client, or caused by it if nothing was struck. One that resets
//     after its final ACK came to nothing was reset, ended by the client.
//   - A request that expires before any final ACK came has timed out, ended by
//     request-expired; while its SYN-ACKs are sent again its cause is the client.
//   - An RST that no side has sent is a reset of unknown cause.
//   - A connection that the server resets while it is queued is decided by the next
//     complete sample: a listener of its address is gone that was open in the last
//     one before the reset, and it was reset with it; all are still there, and a program
//     had accepted it. A listener's end explains no reset before it, and what has ended
//     an attempt stays.
//   - A queued connection that its client has reset stays queued, since its place stays
//     taken, until the queue is empty, so that accept() has returned it (accepted), or its
//     listener ends: then it is reset, ended by the client, caused by the server, which
//     did not call accept. If only one of several listeners ends it can be either.
//
// # Packets alone
//
// Every verdict is one of the readings that nothing seen contradicts; the others
// are its alternatives. What one side cannot see stays possible: to the server a
// SYN that was lost before the first that came, to the client any loss. A final
// ACK that was dropped and made good by the next segment leaves no trace at all.
// So certain is rare, and likely means that the pattern of answers and
// retransmissions is that of this reading. It takes the kernel's defaults for its
// timers (1 s for the first retransmission, tcp_synack_retries 5).
//
// A capture that sees the server's side shows more: what befell the other clients of the
// listener says what its queues held (crowd). What leaves no trace and is spoken for by
// nothing in the capture, a SYN lost before it came to the server among it, is then no
// alternative, and the verdict is likely. The number of requests that a flood finds room
// for distinguishes a full SYN queue from its reserve, where no limit that somebody would set
// gives it. A SYN cookie is recognised by the age of its timestamp, or by the options that it
// does not take up.
//
// It is a little over 3,000 lines: hypotheses, outlooks and the reconstructed queue ask each other
// about one attempt, and a border between them would be crossed by all of it.
package judge
