package queue_test

import (
	"testing"

	"listenq/internal/queue"
)

func TestLimitBy(t *testing.T) {
	somaxconn := func(value string) *queue.Namespace {
		return &queue.Namespace{Sysctls: map[string]string{"net.core.somaxconn": value}}
	}
	for _, tt := range []struct {
		name  string
		limit int
		in    *queue.Namespace
		want  queue.LimitBy
	}{
		{"the program's own", 128, somaxconn("4096"), queue.LimitByBacklog},
		{"as high as it may be", 4096, somaxconn("4096"), queue.LimitBySomaxconn},
		{"somaxconn was lowered since", 4096, somaxconn("128"), queue.LimitByBacklog},
		{"somaxconn is not known", 128, somaxconn(""), queue.LimitUnknown},
		{"the namespace is not known", 128, nil, queue.LimitUnknown},
		{"the limit is not known", queue.NoLimit, somaxconn("4096"), queue.LimitUnknown},
	} {
		trend := queue.Trend{Namespace: tt.in, Listener: queue.Listener{AcceptLimit: tt.limit}}
		if got := trend.LimitBy(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBelongs(t *testing.T) {
	for _, tt := range []struct {
		process queue.Process
		want    string
	}{
		{queue.Process{Unit: "nginx.service", Cgroup: "/system.slice/nginx.service"}, "nginx.service"},
		{queue.Process{Cgroup: "/user.slice/x"}, "/user.slice/x"},
		{queue.Process{Cgroup: "/"}, ""},
		{queue.Process{}, ""},
	} {
		if got := tt.process.Belongs(); got != tt.want {
			t.Errorf("%+v belongs to %q, want %q", tt.process, got, tt.want)
		}
	}
}
