package attach

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"listenq/internal/kernel/taskfile"
)

// printEnv makes the test binary print what Try finds, as whoever runs it.
const printEnv = "LISTENQ_ATTACH_PRINT"

func TestMain(m *testing.M) {
	if os.Getenv(printEnv) == "" {
		os.Exit(m.Run())
	}
	if err := json.NewEncoder(os.Stdout).Encode(Try()); err != nil {
		panic(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}

func byName(t *testing.T, all []Result) map[string]Result {
	t.Helper()
	m := map[string]Result{}
	for _, r := range all {
		if r.Works == (r.Why != "") || r.Works && r.Unknown || r.Meaning == "" || r.Source == "" {
			t.Errorf("%+v: either it works or there is a reason", r)
		}
		m[r.Name] = r
	}
	return m
}

// Try agrees with what another loader of ours can do, and with how the kernel was built.
func TestTry(t *testing.T) {
	needRoot(t)
	got := byName(t, Try())
	it, err := taskfile.Open()
	if !errors.Is(err, taskfile.ErrNotHere) && got["iter_task_file"].Works != (err == nil) {
		t.Errorf("iter_task_file: %+v, and package taskfile says %v", got["iter_task_file"], err)
	}
	if err == nil {
		it.Close()
	}
	config, err := exec.Command("zcat", "/proc/config.gz").Output()
	if err != nil {
		t.Logf("how the kernel was built is not known: %v", err)
		return
	}
	for name, option := range map[string]string{"load": "BPF_SYSCALL", "kprobe": "KPROBES", "kprobe_multi": "FPROBE", "fentry": "FUNCTION_TRACER", "cgroup_skb": "CGROUP_BPF", "raw_tp": "BPF_EVENTS"} {
		if built := strings.Contains(string(config), "\nCONFIG_"+option+"=y\n"); !built && got[name].Works {
			t.Errorf("%s works without CONFIG_%s", name, option)
		}
	}
}

// Nothing of it is left: no descriptor, no program at the cgroup, no raised limit.
func TestTryLeavesNothing(t *testing.T) {
	needRoot(t)
	Try() // what the library keeps open of its own
	before := left(t)
	Try()
	if diff := cmp.Diff(before, left(t)); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

func left(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range open {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.Contains(to, "bpf") {
			all[f.Name()] = to
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		t.Fatal(err)
	}
	all["limit"] = fmt.Sprint(limit)
	path, err := ownCgroup()
	if err != nil {
		return all
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, at := range []ebpf.AttachType{ebpf.AttachCGroupInetIngress, ebpf.AttachCGroupSockOps} {
		if q, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: at}); err == nil {
			all[at.String()] = fmt.Sprint(len(q.Programs))
		}
	}
	return all
}

// To a user without rights it is unknown what root could do, and why is said.
func TestTryWithoutRights(t *testing.T) {
	needRoot(t)
	disabled, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled")
	if err != nil || strings.TrimSpace(string(disabled)) == "0" {
		t.Skipf("needs eBPF to be for root alone: %s %v", disabled, err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "attach-test-") // others may enter it, unlike that of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(dir+"/test", self, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir + "/test")
	cmd.Env = append(os.Environ(), printEnv+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []Result
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for name, r := range byName(t, all) {
		if r.Works || r.Unknown && !strings.HasPrefix(r.Why, "trying needs CAP_BPF") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := byName(t, all)["load"]; !r.Unknown {
		t.Errorf("load: %+v, want unknown", r)
	}
}

// The verifier lets a program read as many arguments of a tracepoint as Arguments
// says that there are, and no more.
func TestArgumentsAreReadable(t *testing.T) {
	needRoot(t)
	types, err := LoadTypes()
	if err != nil {
		t.Skipf("needs BTF: %v", err)
	}
	for _, name := range []string{"kfree_skb", "tcp_send_reset"} {
		arguments, err := types.Arguments(name)
		if err != nil || len(arguments) == 0 {
			t.Fatalf("%s: %v, %v", name, arguments, err)
		}
		for n := range len(arguments) + 1 {
			p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
				Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: name, License: "GPL",
				Instructions: asm.Instructions{asm.LoadMem(asm.R2, asm.R1, int16(8*n), asm.DWord), asm.Mov.Imm(asm.R0, 0), asm.Return()},
			})
			if (err == nil) != (n < len(arguments)) {
				t.Errorf("%s %v: reading argument %d: %v", name, arguments, n, err)
			}
			if err == nil {
				p.Close()
			}
		}
	}
}
