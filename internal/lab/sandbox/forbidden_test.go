package sandbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestDiagnose(t *testing.T) {
	const (
		ordinary  = "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nSeccomp:\t0\n"
		root      = "Name:\tx\nUid:\t0\t0\t0\t0\nSeccomp:\t0\n"
		filtered  = "Name:\tx\nUid:\t0\t0\t0\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n"
		slash     = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
		procMount = "23 22 0:5 / /proc rw,nosuid - proc proc rw\n"
	)
	normal := map[string]string{
		"/proc/self/status":                          ordinary,
		"/proc/self/uid_map":                         "0 0 4294967295\n",
		"/proc/self/mountinfo":                       slash + procMount,
		"/proc/self/attr/current":                    "unconfined\n",
		"/proc/sys/user/max_user_namespaces":         "96365\n",
		"/proc/sys/kernel/unprivileged_userns_clone": "1\n",
		apparmorRestriction:                          "0\n",
		"/proc/sys/user/max_net_namespaces":          "96365\n",
	}
	clone := func(errno unix.Errno) error { return fmt.Errorf("start sandbox: %w", errno) }
	for _, test := range []struct {
		name    string
		err     error
		files   map[string]string // that differ from those of a normal host
		setting string
		value   string
	}{
		{
			name: "Debian's switch", err: clone(unix.EPERM),
			files:   map[string]string{"/proc/sys/kernel/unprivileged_userns_clone": "0\n"},
			setting: "kernel.unprivileged_userns_clone", value: "0",
		},
		{
			name: "no user namespaces allowed", err: clone(unix.ENOSPC),
			files:   map[string]string{"/proc/sys/user/max_user_namespaces": "0\n"},
			setting: "user.max_user_namespaces", value: "0",
		},
		{
			name: "no network namespaces allowed", err: clone(unix.ENOSPC),
			files:   map[string]string{"/proc/sys/user/max_net_namespaces": "0\n"},
			setting: "user.max_net_namespaces", value: "0",
		},
		{name: "a limit that cannot be seen", err: clone(unix.ENOSPC)},
		{
			name: "a limit that is not the cause", err: clone(unix.EPERM),
			files: map[string]string{"/proc/sys/user/max_net_namespaces": "0\n"},
		},
		{
			name: "AppArmor restricts ordinary users", err: &stepError{stepPrivate, unix.EACCES},
			files:   map[string]string{apparmorRestriction: "1\n"},
			setting: "kernel.apparmor_restrict_unprivileged_userns", value: "1",
		},
		{
			name: "AppArmor does not restrict root", err: &stepError{stepPrivate, unix.EACCES},
			files: map[string]string{apparmorRestriction: "1\n", "/proc/self/status": root},
		},
		{
			name: "a container on a host with AppArmor's restriction", err: clone(unix.EPERM),
			files:   map[string]string{apparmorRestriction: "1\n", "/proc/self/status": filtered},
			setting: "the seccomp filter", value: "active",
		},
		{
			name: "a container's AppArmor profile", err: &stepError{stepPrivate, unix.EACCES},
			files:   map[string]string{"/proc/self/attr/current": "docker-default (enforce)\n", "/proc/self/status": filtered},
			setting: "the AppArmor profile", value: "docker-default (enforce)",
		},
		{
			name: "a chroot", err: clone(unix.EPERM),
			files:   map[string]string{"/proc/self/mountinfo": procMount},
			setting: "the root directory", value: "a chroot",
		},
		{
			name: "a masked /proc", err: &stepError{stepProc, unix.EPERM},
			files:   map[string]string{"/proc/self/mountinfo": slash + procMount + "24 23 0:6 / /proc/kcore ro - tmpfs tmpfs rw\n", "/proc/self/status": filtered},
			setting: "/proc", value: "hidden in part (/proc/kcore)",
		},
		{
			name: "a kernel without user namespaces", err: clone(unix.EINVAL),
			files:   map[string]string{"/proc/self/uid_map": ""},
			setting: "CONFIG_USER_NS", value: "not set",
		},
		{name: "nothing to be found", err: clone(unix.EPERM)},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := func(path string) string {
				if text, ok := test.files[path]; ok {
					return text
				}
				return normal[path]
			}
			got := diagnose(test.err, read)
			if got.Way == "" || got.Err == nil {
				t.Errorf("diagnose gives no way or no cause: %+v", got)
			}
			if diff := cmp.Diff([]string{test.setting, test.value}, []string{got.Setting, got.Value}); diff != "" {
				t.Errorf("setting and value (-want +got):\n%s", diff)
			}
		})
	}
}

const apparmorRestriction = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

// TestForbidden forbids user namespaces for real.
func TestForbidden(t *testing.T) {
	needRoot(t)
	// A user namespace whose own limit can be set without touching the host's.
	limited := &syscall.SysProcAttr{
		Cloneflags:                 unix.CLONE_NEWUSER,
		UidMappings:                []syscall.SysProcIDMap{{Size: 1 << 16}},
		GidMappings:                []syscall.SysProcIDMap{{Size: 1 << 16}},
		GidMappingsEnableSetgroups: true,
		Credential:                 &syscall.Credential{},
	}
	mounts := &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	// The setting is of a PID namespace, and cannot be taken back in it.
	memory := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	ordinary := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUID, Gid: ordinaryUID}}
	for _, test := range []struct {
		name  string
		attr  *syscall.SysProcAttr
		roles []string
		want  string // in the error; "": it goes on
	}{
		{"sysctl, ordinary user", limited, []string{"no-setting", "1"}, "forbidden by user.max_user_namespaces=0: sysctl user.max_user_namespaces=10000"},
		{"sysctl, root", limited, []string{"no-setting", "0"}, ""},
		{"seccomp, ordinary user", ordinary, []string{"no-clone"}, "forbidden by the seccomp filter=active: run the container with a seccomp profile"},
		{"seccomp, root", &syscall.SysProcAttr{}, []string{"no-clone"}, ""},
		{"masked /proc, ordinary user", mounts, []string{"mask-proc", "54321"}, "forbidden by /proc=hidden in part (/proc/keys): run the container with its /proc unmasked"},
		{"masked /proc, root", mounts, []string{"mask-proc", "0"}, ""},
		{"chroot, ordinary user", mounts, []string{"chroot", "54321"}, "forbidden by the root directory=a chroot: run outside of the chroot"},
		{"no programs in memory", memory, []string{"no-memory", "0"}, "forbidden by vm.memfd_noexec=2: sysctl vm.memfd_noexec=1"},
		{"chroot, root", mounts, []string{"chroot", "0"}, "forbidden by the root directory=a chroot: run outside of the chroot"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.roles[0] == "no-memory" && readSetting("/proc/sys/vm/memfd_noexec") == "" {
				t.Skip("this kernel has no vm.memfd_noexec")
			}
			cmd := user{}.command(append(test.roles, "host", "", "command", "id", "-u")...)
			cmd.SysProcAttr = test.attr
			out, err := cmd.CombinedOutput()
			switch {
			case test.want == "" && (err != nil || string(out) != "65534\n"):
				t.Errorf("uid of a command is %q (%v), want 65534", out, err)
			case test.want != "" && (err == nil || !strings.Contains(string(out), test.want)):
				t.Errorf("error is %q (%v), want %q in it", out, err, test.want)
			}
		})
	}
}
