package container_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/diagnose/container/containertest"
	"keelway.dev/keelway/internal/host/hosttest"
)

func TestRead(t *testing.T) {
	h := hosttest.New("node-1")
	if _, err := container.Read(context.Background(), h); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a socket: %v", err)
	}
	began := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	etcd := func(id string, attempt int, state container.State, after time.Duration) container.Container {
		return container.Container{
			ID: id, Name: "etcd", Namespace: "kube-system", Pod: "etcd-node-1", UID: "u1", Image: "registry.k8s.io/etcd:3.7.3-0",
			State: state, Attempt: attempt, Created: began.Add(after), Started: began.Add(after),
		}
	}
	old, young := etcd("a", 0, container.Exited, 0), etcd("b", 1, container.Running, time.Minute)
	old.ExitCode, old.Reason, old.End = 1, "Error", began.Add(time.Second)
	young.PID = 4711
	r := containertest.Runtime{
		Containers: []container.Container{old, young},
		Sandboxes:  []container.Sandbox{{ID: "s", Namespace: "kube-system", Pod: "etcd-node-1", UID: "u1", Created: began}},
		Conditions: []*cri.RuntimeCondition{
			{Type: "RuntimeReady", Status: true},
			{Type: "ContainerdHasNoDeprecationWarnings", Message: "cgroup v1 is deprecated"},
			{Type: "NetworkReady", Reason: "NetworkPluginNotReady", Message: "Network plugin returns error: cni plugin not initialized"},
		},
	}
	r.Serve(t, h)
	got, err := container.Read(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "v2.4.2" || !got.Ready || got.NetworkReady || got.Words != "Network plugin returns error: cni plugin not initialized" {
		t.Errorf("%+v", got)
	}
	list := got.Of("kube-system", "etcd")
	if len(list) != 2 || list[0].ID != "b" || list[0].PID != 4711 || list[1].ExitCode != 1 || list[1].PID != 0 || !list[1].End.Equal(old.End) {
		t.Errorf("the newest first: %+v", list)
	}
	if len(got.Of("default", "etcd")) != 0 {
		t.Error("another namespace's containers are none of it")
	}
	if len(got.Sandboxes) != 1 || !got.Sandboxes[0].Created.Equal(began) {
		t.Errorf("%+v", got.Sandboxes)
	}
}
