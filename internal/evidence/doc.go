// Package evidence is what was seen of attempts to open TCP connections and of the
// listeners that they want to reach, by which witness: segments of the client and of the
// server, at one side or at both; the server's counters; samples of sockets and queues;
// system calls of the client; and how an attempt stood among others.
//
//	scene := evidence.NewScene(evidence.ServerSide, false)
//	listener.Begin(scene, server)
//	a.Begin(&listener, ends, now)
//	for each packet { scene.At(p.T); a.Take(p, fromClient) }
//
// It says nothing of what became of an attempt, nor why: that is what judge makes of it,
// and story puts it into words. What is kept of an attempt is bounded, however long it takes: of most
// things the first, the last and the number.
package evidence
