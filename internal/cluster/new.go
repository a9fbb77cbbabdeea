package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Options are what a user may choose for a cluster of one machine. Every unset
// field has a default.
type Options struct {
	// KubernetesVersion is "v1.37.0" or "v1.37"; the newest release by default.
	KubernetesVersion string
	// Profile is Hardened by default.
	Profile Profile
	// NodeName is the host name in lower case by default.
	NodeName string
	// AdvertiseAddress is the host's first address by default.
	AdvertiseAddress string
	BindPort         int32
	// ControlPlaneEndpoint is a stable name in front of the API, for a cluster
	// that will get more control planes.
	ControlPlaneEndpoint string
	CertSANs             []string
	// PodSubnet is 10.244.0.0/16 and ServiceSubnet 10.96.0.0/12 by default, and
	// ranges of IPv6 where the address is one.
	PodSubnet, ServiceSubnet string
	DNSDomain                string
	CertificatesDir          string
	ImageRepository          string
	// KeepTaint leaves the control-plane taint on, so that ordinary pods wait
	// for a second machine.
	KeepTaint bool
	// Token is a bootstrap token "id.secret" that another machine may join
	// with for 24 hours after Now; none by default.
	Token string
	Now   time.Time
	Facts Facts
}

// DefaultPodSubnet is the range that flannel's own manifest uses.
const DefaultPodSubnet = "10.244.0.0/16"

// The ranges of a cluster that has IPv6 alone: 256 nodes with a /64 each, and as
// many Services as a controller can count.
const (
	DefaultPodSubnet6     = "fd00:10:244::/56"
	DefaultServiceSubnet6 = "fd00:10:96::/112"
)

// New makes the model of a one-machine cluster. The error lists every option
// that cannot be.
func New(o Options) (*Model, error) {
	h, err := host(o)
	if err != nil {
		return nil, err
	}
	if h.Init.LocalAPIEndpoint.IPv6() {
		o.PodSubnet, o.ServiceSubnet = or(o.PodSubnet, DefaultPodSubnet6), or(o.ServiceSubnet, DefaultServiceSubnet6)
	}
	m, err := base(o)
	if err != nil {
		return nil, err
	}
	m.Hosts = []Host{h}
	return m, m.complete()
}

// complete fills in defaults, the profile and what the machine makes necessary.
func (m *Model) complete() error {
	config.DefaultCluster(&m.Cluster)
	config.DefaultFrom(&m.Cluster, m.Hosts[0].Init.LocalAPIEndpoint)
	if err := check(m); err != nil {
		return err
	}
	if m.Profile == Hardened {
		harden(m)
	}
	return m.fit()
}

func base(o Options) (*Model, error) {
	r := release.Default()
	if o.KubernetesVersion != "" {
		var err error
		if r, err = release.For(o.KubernetesVersion); err != nil {
			return nil, err
		}
	}
	m := &Model{Release: r, Profile: or(o.Profile, Hardened), Now: o.Now}
	if m.Profile != Hardened && m.Profile != Kubeadm {
		return nil, fmt.Errorf("profile %q is unknown: choose %s or %s", o.Profile, Hardened, Kubeadm)
	}
	m.Cluster = config.ClusterConfiguration{
		KubernetesVersion:    r.Kubernetes,
		ControlPlaneEndpoint: o.ControlPlaneEndpoint,
		CertificatesDir:      o.CertificatesDir,
		ImageRepository:      o.ImageRepository,
		Networking: config.Networking{
			PodSubnet:     or(o.PodSubnet, DefaultPodSubnet),
			ServiceSubnet: o.ServiceSubnet,
			DNSDomain:     o.DNSDomain,
		},
		APIServer: config.APIServer{CertSANs: slices.Clone(o.CertSANs)},
		// The tag is named because kubeadm 1.37's own, 3.7.0-0, has
		// GHSA-6vch-q96h-7gc3, as has every etcd below 3.7.1, 3.6.14 and 3.5.33.
		Etcd: config.Etcd{Local: &config.LocalEtcd{
			ImageMeta: config.ImageMeta{ImageTag: r.Tag("etcd")},
		}},
		DNS: config.DNS{ImageMeta: config.ImageMeta{ImageTag: DNSTag(r)}},
	}
	return m, nil
}

// DNSTag is the tag of CoreDNS to name in the configuration: none where kubeadm of that
// minor has the same CoreDNS by itself.
func DNSTag(r release.Release) string {
	builtIn := map[string]string{"v1.35": "v1.13.1", "v1.36": "v1.14.2", "v1.37": "v1.14.6"}
	if builtIn[r.Minor()] == r.CoreDNS {
		return ""
	}
	return r.CoreDNS
}

func host(o Options) (Host, error) {
	h := Host{Roles: []Role{ControlPlane, Worker}, Facts: o.Facts}
	first := ""
	if len(o.Facts.Addresses) > 0 {
		first = o.Facts.Addresses[0]
	}
	h.Init = config.InitConfiguration{
		LocalAPIEndpoint: config.APIEndpoint{
			AdvertiseAddress: or(o.AdvertiseAddress, first),
			BindPort:         o.BindPort,
		},
		NodeRegistration: config.NodeRegistrationOptions{
			Name:      or(o.NodeName, strings.ToLower(strings.TrimSpace(o.Facts.Hostname))),
			CRISocket: config.DefaultCRISocket,
			Taints:    []corev1.Taint{},
		},
	}
	if o.KeepTaint {
		h.Init.NodeRegistration.Taints = []corev1.Taint{ControlPlaneTaint()}
	}
	config.DefaultInit(&h.Init)
	h.Init.BootstrapTokens = nil
	if o.Token != "" {
		token, err := config.ParseToken(o.Token)
		if err != nil {
			return Host{}, err
		}
		t := config.BootstrapToken{Token: token}
		config.DefaultToken(&t)
		h.Init.BootstrapTokens = []config.BootstrapToken{t}
	}
	return h, nil
}

// ControlPlaneTaint keeps ordinary pods off a control plane.
func ControlPlaneTaint() corev1.Taint {
	return corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}
}

func or[T comparable](value, fallback T) T {
	var unset T
	if value == unset {
		return fallback
	}
	return value
}
