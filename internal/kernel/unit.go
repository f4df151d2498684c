package kernel

import "strings"

// parseCgroup reads /proc/PID/cgroup: the path in the unified hierarchy, else, where
// nothing is in that one, in systemd's own of cgroup v1 (proc_cgroup_show,
// kernel/cgroup/cgroup.c).
//
//	4:memory:/docker/0123…
//	1:name=systemd:/system.slice/nginx.service
//	0::/system.slice/nginx.service
func parseCgroup(text []byte) string {
	var unified, systemd string
	for line := range strings.Lines(string(text)) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case id == "0" && controllers == "":
			unified = path
		case controllers == "name=systemd":
			systemd = path
		}
	}
	if (unified == "" || unified == "/") && systemd != "" {
		return systemd
	}
	return unified
}

// unitOf says what a cgroup is: a systemd unit ("nginx.service"), a container
// ("docker:0123456789ab"), a container of a pod ("k8s:UID/0123456789ab"), or a unit
// within a container ("lxc:web/nginx.service"). It is empty for other cgroups. Whoever
// may make a cgroup may name it so.
func unitOf(cgroup string) string {
	var place, pod, unit string
	parent := ""
	for name := range strings.SplitSeq(cgroup, "/") {
		if uid := podOf(name); uid != "" {
			pod, place, unit = uid, "k8s:"+uid, ""
		}
		switch container := containerOf(parent, name); {
		case container != "" && pod != "":
			_, id, _ := strings.Cut(container, ":")
			place, unit = "k8s:"+pod+"/"+id, ""
		case container != "":
			place, unit = container, ""
		case strings.HasSuffix(name, ".service"), strings.HasSuffix(name, ".scope"):
			unit = name
		}
		parent = name
	}
	if place != "" && unit != "" {
		return place + "/" + unit
	}
	return place + unit
}

// runtimes are container runtimes by how their scopes begin.
var runtimes = map[string]string{
	"libpod": "podman", "crio": "cri-o", "cri-containerd": "containerd",
}

// containerOf says which container a cgroup is that a runtime made:
//
//	docker-ID.scope                                with systemd as the cgroup driver
//	docker/ID                                      without
//	kubepods-podUID.slice:cri-containerd:ID        containerd, when the two are mixed up
//	lxc.payload.NAME, lxc/NAME
func containerOf(parent, name string) string {
	if scope, ok := strings.CutSuffix(name, ".scope"); ok {
		dash := strings.LastIndexByte(scope, '-')
		if dash < 0 || !isContainerID(scope[dash+1:]) || strings.HasSuffix(scope[:dash], "-conmon") {
			return ""
		}
		return containerName(scope[:dash], scope[dash+1:])
	}
	if parts := strings.Split(name, ":"); len(parts) == 3 && isContainerID(parts[2]) {
		return containerName(parts[1], parts[2])
	}
	if payload, ok := strings.CutPrefix(name, "lxc.payload."); ok {
		return "lxc:" + payload
	}
	switch {
	case parent == "lxc":
		return "lxc:" + name
	case isContainerID(name) && parent == "docker":
		return containerName(parent, name)
	case isContainerID(name):
		return containerName("container", name)
	}
	return ""
}

func containerName(runtime, id string) string {
	if known := runtimes[runtime]; known != "" {
		runtime = known
	}
	return runtime + ":" + id[:12]
}

// isContainerID reports whether it is 64 hexadecimal digits.
func isContainerID(id string) bool {
	return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == ""
}

// podOf is the UID of the pod that a cgroup is of:
//
//	kubepods-burstable-podUID.slice, with _ for -
//	podUID
func podOf(name string) string {
	name, _, _ = strings.Cut(name, ":")
	name, isSlice := strings.CutSuffix(name, ".slice")
	i := strings.LastIndex(name, "pod")
	if i < 0 || i > 0 && !(isSlice && strings.Contains(name, "kubepods")) {
		return ""
	}
	uid := strings.ReplaceAll(name[i+len("pod"):], "_", "-")
	if (len(uid) != 36 && len(uid) != 32) || strings.Trim(uid, "0123456789abcdef-") != "" { // 32 of static pods
		return ""
	}
	return uid
}
