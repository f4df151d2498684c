package kernel

import (
	"strings"
	"testing"
)

const id64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestUnit(t *testing.T) {
	const uid = "6d3c1a52-8a9e-4d3c-9d0f-0a1b2c3d4e5f"
	escaped := strings.ReplaceAll(uid, "-", "_")
	tests := []struct{ name, cgroup, want string }{
		{"nothing", "", ""},
		{"root", "/", ""},
		{"slice alone", "/system.slice", ""},
		{"service", "/system.slice/nginx.service", "nginx.service"},
		{"instance", "/system.slice/system-postgresql.slice/postgresql@16-main.service", "postgresql@16-main.service"},
		{"below a service", "/system.slice/systemd-udevd.service/udev", "systemd-udevd.service"},
		{"escaped name", `/system.slice/my\x2dapp.service`, `my\x2dapp.service`},
		{"user service", "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", "web.service"},
		{"session", "/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
		{"init", "/init.scope", "init.scope"},
		{"outside of the cgroup namespace", "/../../system.slice/nginx.service", "nginx.service"},
		{"docker, systemd", "/system.slice/docker-" + id64 + ".scope", "docker:0123456789ab"},
		{"docker, cgroupfs", "/docker/" + id64, "docker:0123456789ab"},
		{"docker in docker", "/docker/" + id64 + "/docker/" + strings.Repeat("f", 64), "docker:ffffffffffff"},
		{"podman", "/machine.slice/libpod-" + id64 + ".scope/container", "podman:0123456789ab"},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id64 + ".scope", "podman:0123456789ab"},
		{"conmon is no container", "/machine.slice/libpod-conmon-" + id64 + ".scope", "libpod-conmon-" + id64 + ".scope"},
		{"nerdctl", "/system.slice/nerdctl-" + id64 + ".scope", "nerdctl:0123456789ab"},
		{"containerd, cgroupfs", "/default/" + id64, "container:0123456789ab"},
		{
			"pod, containerd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + escaped + ".slice/cri-containerd-" + id64 + ".scope",
			"k8s:" + uid + "/0123456789ab",
		},
		{
			"pod, cri-o, guaranteed", "/kubepods.slice/kubepods-pod" + escaped + ".slice/crio-" + id64 + ".scope/container",
			"k8s:" + uid + "/0123456789ab",
		},
		{"pod, cgroupfs", "/kubepods/besteffort/pod" + uid + "/" + id64, "k8s:" + uid + "/0123456789ab"},
		{
			"pod, mixed drivers", "/system.slice/containerd.service/kubepods-burstable-pod" + escaped + ".slice:cri-containerd:" + id64,
			"k8s:" + uid + "/0123456789ab",
		},
		{
			"pod in kind", "/docker/" + id64 + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + escaped + ".slice/cri-containerd-" + id64 + ".scope",
			"k8s:" + uid + "/0123456789ab",
		},
		{"pod alone", "/kubepods/besteffort/pod" + uid, "k8s:" + uid},
		{"static pod", "/kubepods/burstable/pod" + id64[:32] + "/" + id64, "k8s:" + id64[:32] + "/0123456789ab"},
		{"lxc", "/lxc/web", "lxc:web"},
		{"systemd in lxc", "/lxc.payload.web/system.slice/nginx.service", "lxc:web/nginx.service"},
		{"systemd in docker", "/docker/" + id64 + "/system.slice/nginx.service", "docker:0123456789ab/nginx.service"},
		{"a short id is no container", "/docker/0123456789ab", ""},
		{"capitals are no id", "/docker/" + strings.ToUpper(id64), ""},
		{"podium is no pod", "/system.slice/podium.service", "podium.service"},
		{"hostile", "/x/\x1b[31m\n\".service", "\x1b[31m\n\".service"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := unitOf(tt.cgroup); got != tt.want {
				t.Errorf("unit of %q is %q, want %q", tt.cgroup, got, tt.want)
			}
		})
	}
}

func TestParseCgroup(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unified", "0::/system.slice/ssh.service\n", "/system.slice/ssh.service"},
		{"legacy", "3:memory:/a\n1:name=systemd:/system.slice/ssh.service\n", "/system.slice/ssh.service"},
		{"hybrid", "1:name=systemd:/user.slice\n0::/system.slice/ssh.service\n", "/system.slice/ssh.service"},
		{"hybrid, nothing in the unified one", "1:name=systemd:/user.slice\n0::/\n", "/user.slice"},
		{"root", "0::/\n", "/"},
		{"path with colons", "0::/a:b:c\n", "/a:b:c"},
		{"no systemd", "3:memory:/a\n", ""},
		{"cut", "0", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseCgroup([]byte(tt.text)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzUnit(f *testing.F) {
	f.Add([]byte("1:name=systemd:/docker/" + id64 + "\n0::/\n"))
	f.Add([]byte("0::/lxc.payload.web/system.slice/containerd.service/kubepods-pod" + id64[:32] + ".slice:cri-containerd:" + id64 + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := parseCgroup(text)
		if unit := unitOf(path); path == "" && unit != "" || len(unit) > len(path)+len("container:k8s:") {
			t.Errorf("unit of %q is %q", path, unit)
		}
	})
}
