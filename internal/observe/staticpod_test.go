package observe_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
)

// runtime runs one container with a command line, or none.
type runtime struct {
	cri.UnimplementedRuntimeServiceServer
	command []string
}

func (r *runtime) ListContainers(_ context.Context, req *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	l := &cri.ListContainersResponse{}
	if r.command != nil && req.Filter.LabelSelector["io.kubernetes.container.name"] == "etcd" && req.Filter.State.State == cri.ContainerState_CONTAINER_RUNNING {
		l.Containers = []*cri.Container{{Id: "one"}}
	}
	return l, nil
}

func (r *runtime) ContainerStatus(context.Context, *cri.ContainerStatusRequest) (*cri.ContainerStatusResponse, error) {
	info, err := json.Marshal(map[string]any{"config": &cri.ContainerConfig{Command: r.command}})
	return &cri.ContainerStatusResponse{Info: map[string]string{"info": string(info)}}, err
}

// TestStaticPod: a member counts as ready once it runs with the flags of its
// file, and not while the former process still answers.
func TestStaticPod(t *testing.T) {
	t.Parallel()
	healthy := true
	etcd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !healthy {
			http.Error(w, "[+]data_corruption ok\n[-]linearizable_read failed", http.StatusServiceUnavailable)
		}
	}))
	defer etcd.Close()
	listener := bufconn.Listen(1 << 20)
	r, server := &runtime{}, grpc.NewServer()
	cri.RegisterRuntimeServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	h := hosttest.New("etcd1")
	h.HandleDial("unix", observe.CRISocket, func(ctx context.Context) (net.Conn, error) { return listener.DialContext(ctx) })
	address := strings.TrimPrefix(etcd.URL, "http://")
	h.HandleDial("tcp", address, func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "tcp", address) })

	const manifest = "/etc/kubernetes/manifests/etcd.yaml"
	ask := func(want string) {
		t.Helper()
		o := observe.Observer{Host: h}
		a := o.Probe(t.Context(), desired.Wait{Probe: desired.ProbeStaticPod, Target: manifest + " " + etcd.URL + "/readyz"})
		if a.OK != (want == "") || !strings.Contains(a.Detail, want) {
			t.Errorf("ready %v, %q, want %q", a.OK, a.Detail, want)
		}
	}
	ask("is not there yet")
	if err := h.Put(t.Context(), host.Entry{Path: manifest, Mode: 0o600}, strings.NewReader("spec: {containers: [{name: etcd, command: [etcd, --a=1]}]}")); err != nil {
		t.Fatal(err)
	}
	ask("no container of etcd runs yet")
	r.command = []string{"etcd", "--a=0"}
	ask("still runs with the flags that its file had before")
	r.command = []string{"etcd", "--a=1"}
	ask("")
	healthy = false
	ask("linearizable_read failed")
}
