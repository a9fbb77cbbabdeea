package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Config is a cluster in kubeadm's own words.
type Config struct {
	Init    config.InitConfiguration
	Cluster config.ClusterConfiguration
	// Kubelet and Proxy are nil where no document was given: kubeadm marks what
	// it has generated itself.
	Kubelet *kubelet.KubeletConfiguration
	Proxy   *kubeproxy.KubeProxyConfiguration
	// Token is "id.secret" for the first bootstrap token that has none.
	Token string
	// Theirs is what the machine has from elsewhere.
	Theirs  Theirs
	Patcher Patcher
	Now     time.Time
	Facts   Facts
}

// FromConfig makes the model of a first control plane from kubeadm's
// configuration: its dynamic defaults are filled in as kubeadm does, and
// nothing of the hardened profile is added. The error lists all that cannot be.
func FromConfig(c Config) (*Model, error) {
	m := &Model{Profile: Kubeadm, Now: c.Now, Cluster: c.Cluster, Theirs: c.Theirs, Patcher: c.Patcher}
	var err error
	if m.Release, err = released(&m.Cluster); err != nil {
		return nil, err
	}
	h := Host{Init: c.Init, Roles: []Role{ControlPlane, Worker}, Facts: c.Facts}
	if err := registration(&h.Init, c.Facts); err != nil {
		return nil, err
	}
	if err := tokens(&h.Init, c.Token); err != nil {
		return nil, err
	}
	if h.Init.CertificateKey != "" {
		if err := checkCertificateKey(h.Init.CertificateKey); err != nil {
			return nil, err
		}
	}
	m.Hosts = []Host{h}
	config.DefaultCluster(&m.Cluster)
	config.DefaultFrom(&m.Cluster, h.Init.LocalAPIEndpoint)
	if c.Kubelet != nil {
		m.Kubelet, m.KubeletSupplied = *c.Kubelet, true
	}
	if c.Proxy != nil {
		m.Proxy, m.ProxySupplied = *c.Proxy, true
	}
	if err := checkConfig(m); err != nil {
		return nil, err
	}
	return m, m.adapt()
}

// LeftOut refuses what kubeadm can do and Keelway does not.
func LeftOut(c config.ClusterConfiguration) error {
	if c.FeatureGates["RootlessControlPlane"] {
		return errors.New("the control plane cannot be run by other users than root: the feature gate RootlessControlPlane, which kubeadm has deprecated, is not supported; take it out of featureGates")
	}
	return nil
}

// released finds the versions that go with the configuration's. A patch that
// Keelway has no bundle of takes its minor's. Etcd is kubeadm's own default
// unless the configuration names a tag.
func released(c *config.ClusterConfiguration) (release.Release, error) {
	r := release.Default()
	if c.KubernetesVersion == "" {
		c.KubernetesVersion = r.Kubernetes
	} else {
		c.KubernetesVersion = "v" + strings.TrimPrefix(c.KubernetesVersion, "v")
		var err error
		if r, err = release.For(release.Minor(c.KubernetesVersion)); err != nil {
			return r, err
		}
		if release.Minor(c.KubernetesVersion) == c.KubernetesVersion {
			c.KubernetesVersion = r.Kubernetes
		}
		r.Kubernetes = c.KubernetesVersion
	}
	r.Etcd, r.Pause = kubeadmEtcd, kubeadmPause
	return r, nil
}

// kubeadm 1.37's etcd and sandbox image, for every Kubernetes version that it takes.
const (
	kubeadmEtcd  = "v3.7.0"
	kubeadmPause = "v3.10.2"
	// KubeadmEtcdTag is the tag of that etcd's image.
	KubeadmEtcdTag = "3.7.0-0"
)

// registration fills in what kubeadm finds out on the machine.
func registration(c *config.InitConfiguration, f Facts) error {
	config.DefaultInit(c)
	n := &c.NodeRegistration
	n.Name = strings.ToLower(strings.TrimSpace(or(n.Name, f.Hostname)))
	if n.Name == "" {
		return errors.New("the machine has no host name: give one with --node-name")
	}
	if n.Taints == nil {
		n.Taints = []corev1.Taint{ControlPlaneTaint()}
	}
	if n.CRISocket = or(n.CRISocket, config.DefaultCRISocket); !strings.Contains(n.CRISocket, "://") {
		n.CRISocket = "unix://" + n.CRISocket
	}
	e := &c.LocalAPIEndpoint
	if a, err := netip.ParseAddr(e.AdvertiseAddress); e.AdvertiseAddress == "" || (err == nil && a.IsUnspecified()) {
		e.AdvertiseAddress = first(f.Addresses, err == nil && a.Is6())
		if e.AdvertiseAddress == "" {
			return errors.New("the machine has no address that others can reach: give one with --apiserver-advertise-address")
		}
	} else if ip := net.ParseIP(e.AdvertiseAddress); ip != nil {
		e.AdvertiseAddress = ip.String()
	}
	return nil
}

// first is the first address, of IPv6 if asked for.
func first(addresses []string, six bool) string {
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err == nil && (!six || a.Is6()) {
			return text
		}
	}
	return ""
}

func tokens(c *config.InitConfiguration, fresh string) error {
	c.BootstrapTokens = slices.Clone(c.BootstrapTokens)
	for i := range c.BootstrapTokens {
		t := &c.BootstrapTokens[i]
		if t.Token != nil && t.Token.String() != "" {
			continue
		}
		if fresh == "" {
			return fmt.Errorf("bootstrapTokens[%d].token is empty: give each of several tokens, or leave only one to be made", i)
		}
		parsed, err := config.ParseToken(fresh)
		if err != nil {
			return err
		}
		t.Token, fresh = parsed, ""
	}
	return nil
}
