package job

import (
	"time"

	"listenq/internal/answer"
	"listenq/internal/record"
)

// The descriptors that the program inside a sandbox inherits, in this order.
const (
	FDJob     = 3 + iota // read: one job; its end asks the experiment to stop
	FDReports            // written: reports, one JSON value each
	FDPackets            // written: packets.pcapng
	FDEvents             // written: events.jsonl
	FDMachine            // the first network namespace, if job.Machine
)

// Job is what the host side asks the inside to do.
type Job struct {
	Name       string
	Text       []byte
	Tool       string
	Tick       time.Duration
	Started    time.Time
	Facts      []string        // probe these
	Known      map[string]bool // facts that were probed before
	Kernel     bool            // report what only `listenq kernel` asks for, too
	NetCore    []string        // settings of net.core that the script sets; done.Hidden if they are not there
	LongQueues bool            // with a limit of all queues that is lower than usual, and hidden, it is better run without a user namespace
	Bare       bool            // without a user namespace, as only root can
	Machine    bool            // settings of the whole machine may be written, too: it is a guest, and this its only experiment
	Limit      int64           // bytes of the recording
	Stay       bool            // leave everything standing after the last step until asked to stop
}

// Report is one message from the inside; exactly one field is set.
type Report struct {
	Progress *Progress
	Done     *Done
}

// Done ends the reports.
type Done struct {
	Run    answer.Run
	Meta   record.Meta
	Hidden string // a setting that it needs and that is not there: nothing was done

	// Only if the job asks about the kernel.
	Defaults map[string]string // settings of a new network namespace
	Looks    []answer.Fact     // what is seen without rights
}

// Progress says what an experiment is waiting for.
type Progress struct {
	Kernel   string // of the guest; "": the running one
	Scenario string
	Line     int
	Text     string        // of the step
	AtMost   time.Duration // how long the step may take; 0 if it is not a wait

	// When all steps are done and everything stays: the descriptors of the
	// namespaces, and on the host side a command to enter each.
	Namespaces map[string]int
	Enter      map[string]string
}

// DefaultTick is the time between two samples of the sockets and counters.
const DefaultTick = 10 * time.Millisecond

// DefaultLimit is how large a recording may become, in bytes. A flood of a million SYNs
// is of 220 MB.
const DefaultLimit = 512 << 20

// InsideArg is the first argument with which this program is started again as the inside.
const InsideArg = "lab-inside"
