package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/certificate/csr"

	"keelway.dev/keelway/bench/signing"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/discovery"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
)

// wave is how many workers join in one moment.
const wave = 300

// joinWave has many workers join at once by what `keelway join` does, from the
// discovery to the Node: 300 machines whose files are in memory, with the
// network and the container runtime of this one, and a kubelet that does
// nothing but get its certificate and register.
func joinWave(t *testing.T) {
	line := strings.Fields(must(t, "token", "create", "--print-join-command").out)
	here, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	facts, err := observe.Facts(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	workers := make([]*worker, wave)
	for i := range workers {
		workers[i] = newWorker(t, fmt.Sprintf("wave-%03d", i))
	}
	var all sync.WaitGroup
	failed := make([]error, wave)
	began := time.Now()
	for i, w := range workers {
		all.Go(func() { failed[i] = w.join(t.Context(), invited(line, w.name), facts) })
	}
	all.Wait()
	took := time.Since(began)
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	for _, err := range failed[:min(len(failed), 5)] {
		t.Error(err)
	}
	if len(failed) > 0 {
		t.Fatalf("%d of %d joins failed", len(failed), wave)
	}
	t.Logf("%d workers joined at once in %s", wave, took.Round(100*time.Millisecond))
	if nodes := strings.Count(kubectl(t, "get", "nodes", "-o", "name"), "node/wave-"); nodes != wave {
		t.Errorf("%d nodes of %d are registered", nodes, wave)
	}
	for _, w := range workers {
		for _, path := range []string{"/etc/kubernetes/kubelet.conf", "/etc/kubernetes/pki/ca.crt", "/var/lib/kubelet/config.yaml"} {
			if _, err := w.Stat(t.Context(), path); err != nil {
				t.Errorf("%s: %v", w.name, err)
			}
		}
		if _, err := w.Stat(t.Context(), bootstrapConf); err == nil {
			t.Errorf("%s: the bootstrap token is still there", w.name)
		}
	}
}

// invited is the configuration of one who was given the line of `token create`.
func invited(line []string, name string) []byte {
	value := func(flag string) string { return line[slices.Index(line, flag)+1] }
	j := config.JoinConfiguration{
		NodeRegistration: config.NodeRegistrationOptions{Name: name},
		Discovery: config.Discovery{
			BootstrapToken: &config.BootstrapTokenDiscovery{
				Token: value("--token"), APIServerEndpoint: line[2], CACertHashes: []string{value("--discovery-token-ca-cert-hash")},
			},
			TLSBootstrapToken: value("--token"),
		},
	}
	j.APIVersion, j.Kind = config.APIVersion, "JoinConfiguration"
	return config.Marshal(j)
}

const bootstrapConf = "/etc/kubernetes/bootstrap-kubelet.conf"

// worker is a machine in memory on the network of this one.
type worker struct {
	*hosttest.Host
	name string

	mu    sync.Mutex
	since time.Time // of its kubelet
}

var _ service.Manager = (*worker)(nil)

// newWorker has what its owner set up: the kubelet's program and unit, the
// runtime's socket, and the kernel's settings that this machine has too.
func newWorker(t *testing.T, name string) *worker {
	t.Helper()
	w := &worker{Host: hosttest.New(name), name: name}
	w.WriteFile(t, "/usr/bin/kubelet", 0o755, "")
	w.WriteFile(t, kubelet.UnitFile, 0o644, string(kubelet.Unit()))
	w.WriteFile(t, kubelet.DropInFile, 0o644, string(kubelet.DropIn()))
	w.WriteFile(t, observe.CRISocket, 0o600, "")
	for _, setting := range desired.TouchedSysctls() {
		if value, err := os.ReadFile(observe.SysctlPath(setting)); err == nil {
			w.WriteFile(t, observe.SysctlPath(setting), 0o644, string(value))
		}
	}
	return w
}

// Dial reaches what this machine reaches.
func (w *worker) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

type deaf struct{}

func (deaf) Emit(report.Event) {}

func (w *worker) join(ctx context.Context, text []byte, facts cluster.Facts) error {
	m, err := operation.NewMachine(ctx, w, w, deaf{})
	if err != nil {
		return err
	}
	facts.Hostname = w.name
	_, err = operation.Join(ctx, m, operation.JoinOptions{Workflow: operation.Workflow{
		File: "join.yaml", Text: text, Facts: facts,
		Skip:       []string{"preflight"}, // the checks of a machine that is none
		Tree:       true,                  // and images are asked for on a machine that has a runtime of its own
		FindBundle: func(string) (string, error) { return "", errors.New("a worker needs nothing of it here") },
	}})
	return err
}

func (w *worker) Kind() string { return "systemd" }

func (w *worker) Status(context.Context, string) (service.Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return service.Status{Running: !w.since.IsZero(), State: "active", Since: w.since, Boot: "systemd"}, nil
}

// Start plays the kubelet's first minute.
func (w *worker) Start(ctx context.Context, name string) error {
	if name != "kubelet" {
		return fmt.Errorf("start %s: a worker has a kubelet only", name)
	}
	if err := w.bootstrap(ctx); err != nil {
		return fmt.Errorf("the kubelet of %s: %w", w.name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Now()
	return nil
}

// bootstrap asks with the token for a client certificate, by the functions that
// the kubelet calls, and registers the Node with it.
func (w *worker) bootstrap(ctx context.Context) error {
	text, err := observe.ReadText(ctx, w, bootstrapConf)
	if err != nil {
		return err
	}
	asking, err := signing.Client([]byte(text), w)
	if err != nil {
		return err
	}
	request, err := signing.NewRequest(w.name)
	if err != nil {
		return err
	}
	uid, err := request.Send(ctx, asking)
	if err != nil {
		return err
	}
	signed, err := csr.WaitForCertificate(ctx, asking.Typed, w.name, uid)
	if err != nil {
		return err
	}
	if err := request.Check(signed); err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(request.Key)
	if err != nil {
		return err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := w.Put(ctx, host.Entry{Path: kubelet.ClientFile, Mode: 0o600}, bytes.NewReader(slices.Concat(signed, key))); err != nil {
		return err
	}
	own, err := discovery.Kubeconfig(asking.Config.Host, asking.Config.CAData, "default-auth", &clientapi.AuthInfo{ClientCertificateData: signed, ClientKeyData: key})
	if err != nil {
		return err
	}
	if err := w.Put(ctx, host.Entry{Path: "/etc/kubernetes/kubelet.conf", Mode: 0o600}, bytes.NewReader(own)); err != nil {
		return err
	}
	node, err := signing.Client(own, w)
	if err != nil {
		return err
	}
	// Without the label of its system no DaemonSet wants a pod there.
	_, err = node.Typed.CoreV1().Nodes().Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: w.name}}, metav1.CreateOptions{})
	return err
}

func (w *worker) Restart(ctx context.Context, name string) error { return w.Start(ctx, name) }

func (w *worker) Stop(context.Context, string) error {
	return errors.New("nobody stops the kubelet of a join")
}

func (w *worker) Logs(context.Context, string, int) ([]string, error) { return nil, nil }
