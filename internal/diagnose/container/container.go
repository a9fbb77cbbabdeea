// Package container reads what the container runtime of a host says about its containers.
package container

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

// Runtime is what one look at the runtime came to.
type Runtime struct {
	// Version is the runtime's own, such as "v2.4.2".
	Version string
	// Ready and NetworkReady are its conditions; Words say why one is false.
	Ready, NetworkReady bool
	Words               string
	// Containers are those of the kubelet, the newest of each pod's first.
	Containers []Container
	Sandboxes  []Sandbox
}

// Container is one container, running or ended.
type Container struct {
	ID, Name              string
	Namespace, Pod, UID   string
	Image                 string
	State                 State
	Attempt               int
	PID                   int // 0 when it does not run
	Created, Started, End time.Time
	ExitCode              int
	// Reason is such as "OOMKilled" or "Error"; Message is the runtime's.
	Reason, Message string
	// LogPath is the file on the host that holds its output.
	LogPath string
}

// State is a container's, in the words of crictl.
type State string

// The states.
const (
	Created State = "created"
	Running State = "running"
	Exited  State = "exited"
	Unknown State = "unknown"
)

// Sandbox is the container that holds a pod's namespaces.
type Sandbox struct {
	ID, Namespace, Pod, UID string
	Ready                   bool
	Attempt                 int
	Created                 time.Time
}

// The kubelet's labels on whatever it has the runtime make.
const (
	labelContainer = "io.kubernetes.container.name"
	labelPod       = "io.kubernetes.pod.name"
	labelNamespace = "io.kubernetes.pod.namespace"
	labelUID       = "io.kubernetes.pod.uid"
)

// Read asks the runtime once, in at most three seconds. The error says that it
// does not answer.
func Read(ctx context.Context, h host.Host) (Runtime, error) {
	if _, err := h.Stat(ctx, observe.CRISocket); err != nil {
		return Runtime{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := observe.DialRuntime(h)
	if err != nil {
		return Runtime{}, err
	}
	defer conn.Close()
	client := cri.NewRuntimeServiceClient(conn)
	version, err := client.Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return Runtime{}, err
	}
	r := Runtime{Version: "v" + strings.TrimPrefix(version.RuntimeVersion, "v")}
	status, err := client.Status(ctx, &cri.StatusRequest{})
	if err != nil {
		return Runtime{}, err
	}
	r.conditions(status.GetStatus().GetConditions())
	pods, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return Runtime{}, err
	}
	for _, p := range pods.Items {
		m := p.GetMetadata()
		r.Sandboxes = append(r.Sandboxes, Sandbox{
			ID: p.Id, Namespace: m.GetNamespace(), Pod: m.GetName(), UID: m.GetUid(), Attempt: int(m.GetAttempt()),
			Ready: p.State == cri.PodSandboxState_SANDBOX_READY, Created: stamp(p.CreatedAt),
		})
	}
	list, err := client.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return Runtime{}, err
	}
	r.Containers, err = describe(ctx, client, list.Containers)
	return r, err
}

func (r *Runtime) conditions(list []*cri.RuntimeCondition) {
	var words []string
	for _, c := range list {
		switch c.Type {
		case "RuntimeReady":
			r.Ready = c.Status
		case "NetworkReady":
			r.NetworkReady = c.Status
		default:
			continue // such as containerd's warnings of what will be dropped
		}
		if !c.Status && c.Message != "" {
			words = append(words, c.Message)
		}
	}
	r.Words = strings.Join(words, "; ")
}

// describe asks about each container. One that is removed meanwhile is left out.
func describe(ctx context.Context, client cri.RuntimeServiceClient, list []*cri.Container) ([]Container, error) {
	var mu sync.Mutex
	var all []Container
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for _, c := range list {
		g.Go(func() error {
			answer, err := client.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.Id, Verbose: true})
			if err != nil {
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, from(answer))
			return nil
		})
	}
	err := g.Wait()
	slices.SortFunc(all, func(a, b Container) int {
		if n := strings.Compare(a.Namespace+"/"+a.Pod+"/"+a.Name, b.Namespace+"/"+b.Pod+"/"+b.Name); n != 0 {
			return n
		}
		return b.Created.Compare(a.Created)
	})
	return all, err
}

func from(answer *cri.ContainerStatusResponse) Container {
	s := answer.GetStatus()
	labels := s.GetLabels()
	c := Container{
		ID: s.GetId(), Name: labels[labelContainer], Namespace: labels[labelNamespace], Pod: labels[labelPod], UID: labels[labelUID],
		Image: s.GetImage().GetImage(), Attempt: int(s.GetMetadata().GetAttempt()),
		Created: stamp(s.GetCreatedAt()), Started: stamp(s.GetStartedAt()), End: stamp(s.GetFinishedAt()),
		ExitCode: int(s.GetExitCode()), Reason: s.GetReason(), Message: s.GetMessage(), LogPath: s.GetLogPath(),
	}
	switch s.GetState() {
	case cri.ContainerState_CONTAINER_CREATED:
		c.State = Created
	case cri.ContainerState_CONTAINER_RUNNING:
		c.State = Running
	case cri.ContainerState_CONTAINER_EXITED:
		c.State = Exited
	default:
		c.State = Unknown
	}
	// containerd tells the process in its verbose answer only.
	var info struct {
		PID int `json:"pid"`
	}
	if json.Unmarshal([]byte(answer.GetInfo()["info"]), &info) == nil && c.State == Running {
		c.PID = info.PID
	}
	return c
}

func stamp(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// Of picks the containers of that name in that namespace, the newest first.
func (r Runtime) Of(namespace, name string) []Container {
	var found []Container
	for _, c := range r.Containers {
		if c.Namespace == namespace && c.Name == name {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b Container) int { return b.Created.Compare(a.Created) })
	return found
}
