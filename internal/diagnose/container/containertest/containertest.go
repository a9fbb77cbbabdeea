// Package containertest is a container runtime in memory for tests: it answers the questions that package container asks.
package containertest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/diagnose/container"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
)

// Runtime answers with what it is given.
type Runtime struct {
	cri.UnimplementedRuntimeServiceServer
	Conditions []*cri.RuntimeCondition
	Containers []container.Container
	Sandboxes  []container.Sandbox
}

// Serve makes the runtime answer on the host's socket until the test ends.
func (r *Runtime) Serve(t testing.TB, h *hosttest.Host) {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	// A socket is no regular file; that something is there is all that is asked.
	if err := h.Put(context.Background(), host.Entry{Path: observe.CRISocket, Mode: 0o660}, strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	h.HandleDial("unix", observe.CRISocket, func(ctx context.Context) (net.Conn, error) { return listener.DialContext(ctx) })
}

// Version is containerd's.
func (r *Runtime) Version(context.Context, *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{RuntimeName: "containerd", RuntimeVersion: "v2.4.2"}, nil
}

// Status gives the conditions.
func (r *Runtime) Status(context.Context, *cri.StatusRequest) (*cri.StatusResponse, error) {
	return &cri.StatusResponse{Status: &cri.RuntimeStatus{Conditions: r.Conditions}}, nil
}

// ListPodSandbox lists the sandboxes.
func (r *Runtime) ListPodSandbox(context.Context, *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	var list []*cri.PodSandbox
	for _, s := range r.Sandboxes {
		list = append(list, &cri.PodSandbox{
			Id: s.ID, CreatedAt: nanoseconds(s.Created),
			Metadata: &cri.PodSandboxMetadata{Name: s.Pod, Namespace: s.Namespace, Uid: s.UID, Attempt: uint32(s.Attempt)},
		})
	}
	return &cri.ListPodSandboxResponse{Items: list}, nil
}

// ListContainers lists the containers.
func (r *Runtime) ListContainers(context.Context, *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	var list []*cri.Container
	for _, c := range r.Containers {
		list = append(list, &cri.Container{Id: c.ID})
	}
	return &cri.ListContainersResponse{Containers: list}, nil
}

// ContainerStatus describes one container.
func (r *Runtime) ContainerStatus(_ context.Context, req *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	states := map[container.State]cri.ContainerState{
		container.Created: cri.ContainerState_CONTAINER_CREATED, container.Running: cri.ContainerState_CONTAINER_RUNNING,
		container.Exited: cri.ContainerState_CONTAINER_EXITED, container.Unknown: cri.ContainerState_CONTAINER_UNKNOWN,
	}
	for _, c := range r.Containers {
		if c.ID != req.ContainerId {
			continue
		}
		return &cri.ContainerStatusResponse{
			Status: &cri.ContainerStatus{
				Id: c.ID, Metadata: &cri.ContainerMetadata{Name: c.Name, Attempt: uint32(c.Attempt)},
				State: states[c.State], CreatedAt: nanoseconds(c.Created), StartedAt: nanoseconds(c.Started), FinishedAt: nanoseconds(c.End),
				ExitCode: int32(c.ExitCode), Reason: c.Reason, Message: c.Message, LogPath: c.LogPath,
				Image: &cri.ImageSpec{Image: c.Image},
				Labels: map[string]string{
					"io.kubernetes.container.name": c.Name, "io.kubernetes.pod.name": c.Pod,
					"io.kubernetes.pod.namespace": c.Namespace, "io.kubernetes.pod.uid": c.UID,
				},
			},
			Info: map[string]string{"info": fmt.Sprintf(`{"sandboxID":"x","pid":%d}`, c.PID)},
		}, nil
	}
	return nil, fmt.Errorf("no container %s", req.ContainerId)
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
