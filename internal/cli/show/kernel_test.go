package show

import (
	"bytes"
	"strings"
	"testing"

	"listenq/internal/answer"
	"listenq/internal/text"
)

// exampleKernel has a fact of each kind.
func exampleKernel() answer.Kernel {
	const forbidden = "namespaces are not allowed here: user.max_user_namespaces is 0"
	return answer.Kernel{
		Schema: answer.KernelSchema, Kernel: "5.10.0-34-amd64",
		Facts: []answer.Fact{
			{Name: "accept_full_drops_syn", Group: answer.GroupQueues, Value: true, Meaning: "A SYN that finds the accept queue full is dropped.", How: "the experiment that listenq lab show accept_full_drops_syn prints; kernel source: tcp_conn_request, net/ipv4/tcp_input.c"},
			{Name: "syn_queue_same_with_cookies", Group: answer.GroupQueues, Value: false, Meaning: "The SYN queue holds N, and a backlog of 0 takes no connection at all without SYN cookies."},
			{Name: "syn_queue_of_backlog_4", Group: answer.GroupQueues, Value: 4, Meaning: "Without SYN cookies a backlog of 4 holds 4 requests; the next SYN is dropped."},
			{Name: "syn_queue_test", Group: answer.GroupQueues, Value: ">=", Meaning: "The SYN queue is full when its length is >= the backlog."},
			{Name: "migrate_req_moves", Group: answer.GroupQueues, Meaning: "With tcp_migrate_req 1 the queue of a closed listener moves.", UnknownBecause: forbidden},
			{Name: "syn_retry_schedule_s", Group: answer.GroupClients, Value: "1, 3, 7, 15, 31, 63", Meaning: "A client whose SYNs are dropped sends them again after so many seconds."},
			{Name: "bpf_fentry", Group: answer.GroupEBPF, Meaning: "The start of a kernel function, with its arguments.", UnknownBecause: "trying needs CAP_BPF and CAP_PERFMON, which root has"},
			{Name: "bpf_kprobe", Group: answer.GroupEBPF, Value: false, Meaning: "Does not work here: the kernel answers: \x1b[2J."},
		},
		Settings: []answer.Setting{
			{Name: "net.core.somaxconn", Value: "128", Experiments: "4096", Meaning: "the most that listen() takes for a limit of the accept queue."},
			{Name: "net.ipv4.tcp_syn_linear_timeouts", Experiments: "4", Meaning: "how many SYNs a client sends again a second apart.", UnknownBecause: "this kernel has no such setting here"},
		},
		Missing: []answer.Missing{{What: "what experiments find out", Why: forbidden}},
	}
}

func TestGoldenKernel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		screen text.Screen
		how    bool
	}{
		{"80", text.Screen{Width: 80}, false},
		{"60", text.Screen{Width: 60}, false},
		{"pipe", text.Screen{}, false},
		{"how", text.Screen{Width: 80, Colour: true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.screen.Out = &out
			Kernel(tt.screen, exampleKernel(), tt.how)
			golden(t, "kernel-"+tt.name+".txt", out.String())
			for line := range strings.Lines(out.String()) {
				if n := text.Width(strings.TrimRight(line, "\n")); tt.screen.Width > 0 && n > tt.screen.Width {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

func TestGoldenKernelJSON(t *testing.T) {
	var out bytes.Buffer
	if err := JSON(&out, exampleKernel()); err != nil {
		t.Fatal(err)
	}
	golden(t, "kernel.json", out.String())
}
