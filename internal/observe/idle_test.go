package observe

import (
	"context"
	"slices"
	"testing"

	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/service"
)

// services is a manager with a kubelet.
type services struct {
	service.Manager
	running bool
}

func (s services) Status(context.Context, string) (service.Status, error) {
	return service.Status{Running: s.running}, nil
}

func TestIdle(t *testing.T) {
	const subnet = "/run/flannel/subnet.env"
	for _, row := range []struct {
		name    string
		files   []string
		kubelet bool
		want    []string
	}{
		{"a new machine", nil, false, nil},
		{"a cluster was here", []string{"/sys/class/net/cni0/mtu", subnet}, false, []string{"cni0", subnet}},
		{"and the machine was started anew", []string{subnet}, false, []string{subnet}},
		{"a node", []string{"/sys/class/net/cni0/mtu", subnet}, true, nil},
		{"a node whose kubelet is stopped", []string{"/sys/class/net/cni0/mtu", subnet, taskFolder + "/a/x", "/proc/7/cgroup"}, false, nil},
	} {
		h := hosttest.New("h")
		h.WriteFile(t, "/proc/self/mountinfo", 0o444, "25 1 254:0 / / rw - ext4 /dev/vda rw\n")
		for _, p := range row.files {
			h.WriteFile(t, p, 0o644, "4:memory:/kubepods/burstable/pod1/2\n")
		}
		o := &Observer{Host: h, Services: services{running: row.kubelet}}
		have, err := o.idle(t.Context(), []string{"cni0", subnet}, nil)
		if err != nil || !slices.Equal(have, row.want) {
			t.Errorf("%s: %v, %v, want %v", row.name, have, err, row.want)
		}
		o.Services = nil // is not asked again about what is known
		again, err := o.idle(t.Context(), []string{"cni0", subnet}, map[string]observed.Service{"kubelet": {Running: row.kubelet}})
		if err != nil || !slices.Equal(again, row.want) {
			t.Errorf("%s, the kubelet being known: %v, %v, want %v", row.name, again, err, row.want)
		}
	}
}
