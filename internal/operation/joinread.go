package operation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/discovery"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/report"
)

const (
	adminConf   = kube.AdminConf
	kubeletConf = "/etc/kubernetes/kubelet.conf"
)

// joinTarget is the cluster that a machine joins, as it describes itself.
type joinTarget struct {
	// server is the API's URL; ca its authority in PEM.
	server string
	ca     []byte
	client *kube.Client
	// user is the identity that the kubelet bootstraps with; nil where it has its own.
	user    *clientapi.AuthInfo
	cluster config.ClusterConfiguration
	kubelet kubeletconfig.KubeletConfiguration
	proxy   kubeproxy.KubeProxyConfiguration
	// noProxy is true where there is no kube-proxy, or none on this node.
	noProxy bool
}

// findCluster learns whom to trust, and reads the cluster's configuration. A
// machine that has joined already knows, and needs no token any more.
func (m *Machine) findCluster(ctx context.Context, j config.JoinConfiguration) (*joinTarget, error) {
	if f := m.joined(ctx, j, 5*time.Second); f != nil {
		return f, nil
	}
	trust, err := m.discover(ctx, j)
	if err != nil {
		return nil, err
	}
	f := &joinTarget{server: trust.Server, ca: append(bytes.TrimSpace(trust.CA), '\n'), user: trust.User}
	if token := j.Discovery.TLSBootstrapToken; token != "" {
		f.user = &clientapi.AuthInfo{Token: token}
	}
	if f.user == nil {
		return nil, &WishError{errors.New("the discovery file holds no identity to join with: add --tls-bootstrap-token")}
	}
	text, err := discovery.Kubeconfig(f.server, f.ca, "tls-bootstrap-token-user", f.user)
	if err != nil {
		return nil, err
	}
	if f.client, err = kube.New(text, m.Host); err != nil {
		return nil, err
	}
	limit := j.Timeouts.KubernetesAPICall.Duration
	if err := f.read(ctx, limit); err != nil {
		return nil, err
	}
	return f, f.nameIsFree(ctx, j.NodeRegistration.Name, limit)
}

// discover does what the configuration says, and shows what it waits for.
func (m *Machine) discover(ctx context.Context, j config.JoinConfiguration) (*discovery.Trust, error) {
	e := report.Event{Kind: report.Step, Host: m.Host.Name(), Phase: "discovery", Step: "discovery/cluster", What: "find the cluster and whom to trust"}
	m.emit(e)
	began := m.Now()
	wait := discovery.Wait{Limit: j.Timeouts.Discovery.Duration, Tell: func(detail string) {
		w := e
		w.Kind, w.Detail, w.Seconds = report.Wait, detail, m.Now().Sub(began).Seconds()
		m.emit(w)
	}}
	var trust *discovery.Trust
	var err error
	if d := j.Discovery; d.File != nil {
		trust, err = discovery.File(ctx, m.Host, *d.File, wait)
	} else {
		trust, err = discovery.Token(ctx, m.Host, *d.BootstrapToken, wait)
	}
	e.Kind, e.Seconds = report.Done, m.Now().Sub(began).Seconds()
	if err != nil {
		e.Kind, e.Detail = report.Failed, err.Error()
	}
	m.emit(e)
	return trust, err
}

// joined is the cluster that this machine is a node of, nil for none that
// answers in time.
func (m *Machine) joined(ctx context.Context, j config.JoinConfiguration, limit time.Duration) *joinTarget {
	path := kubeletConf
	if _, err := m.Host.Stat(ctx, adminConf); err == nil && j.ControlPlane != nil {
		path = adminConf
	}
	text, err := observe.ReadText(ctx, m.Host, path)
	if err != nil {
		return nil
	}
	in, err := clientcmd.Load([]byte(text))
	if err != nil || in.Contexts[in.CurrentContext] == nil || in.Clusters[in.Contexts[in.CurrentContext].Cluster] == nil {
		return nil
	}
	f := &joinTarget{server: in.Clusters[in.Contexts[in.CurrentContext].Cluster].Server, ca: in.Clusters[in.Contexts[in.CurrentContext].Cluster].CertificateAuthorityData}
	if f.client, err = kube.New([]byte(text), m.Host); err != nil {
		return nil
	}
	if f.read(ctx, limit) != nil {
		return nil
	}
	return f
}

// read takes the configuration from the cluster's ConfigMaps. A wave of joining
// machines asks for them at once, so what fails is asked for again.
func (f *joinTarget) read(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	maps := []struct {
		name, key string
		into      any
		may       bool
	}{
		{"kubeadm-config", "ClusterConfiguration", &f.cluster, false},
		{"kubelet-config", "kubelet", &f.kubelet, false},
		{"kube-proxy", "config.conf", &f.proxy, true},
	}
	for _, one := range maps {
		cm, err := kube.Ask(ctx, func(ctx context.Context) (*corev1.ConfigMap, error) {
			return f.client.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, one.name, metav1.GetOptions{})
		})
		if one.may && (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) {
			f.noProxy = true // or this identity need not know
			continue
		}
		if err != nil {
			return fmt.Errorf("the cluster at %s does not tell its configuration: %w; it must be one that kubeadm or Keelway made", f.server, err)
		}
		if err := yaml.Unmarshal([]byte(cm.Data[one.key]), one.into); err != nil {
			return fmt.Errorf("the cluster's ConfigMap kube-system/%s: %w", one.name, err)
		}
	}
	return nil
}

// nameIsFree refuses the name of a node that works: two machines would share
// one Node.
func (f *joinTarget) nameIsFree(ctx context.Context, name string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n, err := kube.Ask(ctx, func(ctx context.Context) (*corev1.Node, error) {
		return f.client.Typed.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
	})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see whether the node name %s is taken: %w", name, err)
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
			return &WishError{fmt.Errorf("a node named %s is in the cluster and Ready: give this machine another name with --node-name, or delete that Node first if its machine is gone (`kubectl delete node %s`)", name, name)}
		}
	}
	return nil
}
