package judge

// Seen is what the packets of one attempt show, and what is counted of the other clients
// at that time. Nothing in it is a guess.
type Seen struct {
	AtServer bool // the packets were captured on the server's host

	SYNs       int  // that had no answer, as near to the server as they were seen
	Challenged bool // a bare ACK answered a SYN: of another connection (RFC 9293, 3.10.7.4)
	ACKs       int  // final ACKs, or data in their place, that made no connection
	Data       bool // there was data among them
	AskedAgain int  // SYN-ACKs that asked for an ACK which had come
	Overlooked bool // the server's timer left out the first of them, so that it knew of the ACK
	Speaks     bool // the server sends first to others: it does not wait for their data
	Cookie     bool // it has answered with a SYN cookie

	BadSum   bool // the checksum of what was in vain is wrong
	Misacked bool // it acknowledges what the server has not sent
	Refused  bool // the server answered data by an ACK that takes none of it
	Older    bool // and its timestamp was older than one before (PAWS, RFC 7323, 5)

	Refusing  bool // an RST answered the SYN
	Reset     bool // an RST came in the server's name once it had answered the SYN
	Plain     bool // without ACK, as an answer to a segment that no connection took
	Strange   bool // an RST came that does not acknowledge the SYN
	Misfit    bool // the numbers of the RST are none that the server's TCP sends
	OtherHops bool // the TTL of the RST is another one than that of the SYN-ACK
	Lacks     bool // packets of one direction are missing, or the beginning, or all ACKs

	MayWait  int  // connections that may have been in the accept queue when it was struck
	Others   bool // another client was answered before: what waits began in this capture
	Requests int  // unfinished handshakes at that time, at most
	Answered int  // the most of them when another SYN was answered; -1 if none was
	Reserve  bool // so many are let in before the last quarter of a usual tcp_max_syn_backlog
}

// Hypothesis is a way in which an attempt can have come into trouble.
type Hypothesis uint8

// All that are known. The order is how common they are, the most common first.
const (
	FullAtSYN Hypothesis = iota
	FullAtACK
	FilterSYN
	FilterACK
	Loss
	Deferral
	Predecessor
	Unacceptable
	Checksum
	PAWS
	Refusal
	FullSynQueue
	SynReserve
	ConnectionLimit
	ApplicationReset
	Middlebox
	NotEnough
	hypotheses
)

// Set is a set of hypotheses.
type Set uint32

// Has reports whether it is in the set.
func (s Set) Has(h Hypothesis) bool { return s&(1<<h) != 0 }

func (s *Set) add(h Hypothesis) { *s |= 1 << h }

// Ruling is what became of one hypothesis.
type Ruling struct {
	Hypothesis Hypothesis
	Out        string // what contradicts it; empty if it is left
	Only       string // what was seen that it alone explains; empty if there is nothing
}

// Differential is the list of what was thought of.
type Differential struct {
	Left   Set // nothing contradicts these
	Proven Set // of them, those that alone explain something that was seen
	All    []Ruling
}

// row is a hypothesis in the table.
type row struct {
	name     string
	predicts func(*Seen) bool
	out      func(*Seen, *Queue) string // what contradicts it
	only     func(*Seen, *Queue) string // what it alone explains
}

// Differentiate goes through the table.
func Differentiate(s *Seen, q *Queue) Differential {
	var d Differential
	for h := range hypotheses {
		r := &table[h]
		if !r.predicts(s) {
			continue
		}
		ruling := Ruling{Hypothesis: h, Out: r.contradiction(s, q)}
		if ruling.Out == "" {
			ruling.Only = r.proof(s, q)
		}
		d.All = append(d.All, ruling)
	}
	d.Left, d.Proven = Weigh(s, q)
	return d
}

// Weigh is Differentiate without the reasons. It allocates nothing.
func Weigh(s *Seen, q *Queue) (remaining, proven Set) {
	for h := range hypotheses {
		r := &table[h]
		if !r.predicts(s) || r.contradiction(s, q) != "" {
			continue
		}
		remaining.add(h)
		if r.proof(s, q) != "" {
			proven.add(h)
		}
	}
	return remaining, proven
}

func (r *row) contradiction(s *Seen, q *Queue) string {
	if r.out == nil {
		return ""
	}
	return r.out(s, q)
}

func (r *row) proof(s *Seen, q *Queue) string {
	if r.only == nil {
		return ""
	}
	return r.only(s, q)
}

// String is the name of a hypothesis, as output has it.
func (h Hypothesis) String() string { return table[h].name }
