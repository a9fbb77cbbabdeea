package config

import (
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kubeadm's defaults that other packages need by name.
const (
	DefaultCertificatesDir = "/etc/kubernetes/pki"
	DefaultImageRepository = "registry.k8s.io"
	DefaultEtcdDataDir     = "/var/lib/etcd"
	DefaultServiceSubnet   = "10.96.0.0/12"
	DefaultDNSDomain       = "cluster.local"
	DefaultClusterName     = "kubernetes"
	DefaultBindPort        = 6443
	DefaultCRISocket       = "unix:///var/run/containerd/containerd.sock"
	DefaultTokenGroup      = "system:bootstrappers:kubeadm:default-node-token"
)

// DefaultCluster fills what is unset, as kubeadm does. The Kubernetes version
// has no default here: kubeadm asks the internet for it.
func DefaultCluster(c *ClusterConfiguration) {
	c.APIVersion, c.Kind = APIVersion, "ClusterConfiguration"
	fill(&c.Networking.ServiceSubnet, DefaultServiceSubnet)
	fill(&c.Networking.DNSDomain, DefaultDNSDomain)
	fill(&c.CertificatesDir, DefaultCertificatesDir)
	fill(&c.ImageRepository, DefaultImageRepository)
	fill(&c.ClusterName, DefaultClusterName)
	fill(&c.EncryptionAlgorithm, RSA2048)
	fillDuration(&c.CertificateValidityPeriod, 365*24*time.Hour)
	fillDuration(&c.CACertificateValidityPeriod, 10*365*24*time.Hour)
	if c.Etcd.External == nil && c.Etcd.Local == nil {
		c.Etcd.Local = &LocalEtcd{}
	}
	if c.Etcd.Local != nil {
		fill(&c.Etcd.Local.DataDir, DefaultEtcdDataDir)
	}
	if e := c.Etcd.External; e != nil && len(e.HTTPEndpoints) == 0 {
		e.HTTPEndpoints = append([]string(nil), e.Endpoints...)
	}
	defaultEnvs(c)
}

// DefaultFrom fills what follows from the first control plane, as kubeadm does
// when it runs there: a shared endpoint without a port gets the local one, so
// that a control plane with another port can join later. The extra names of
// the API server's certificate become lower case.
func DefaultFrom(c *ClusterConfiguration, local APIEndpoint) {
	for i, san := range c.APIServer.CertSANs {
		c.APIServer.CertSANs[i] = strings.ToLower(san)
	}
	if c.ControlPlaneEndpoint != "" {
		c.ControlPlaneEndpoint = strings.TrimPrefix(c.ControlPlaneURL(local), "https://")
	}
}

func defaultEnvs(c *ClusterConfiguration) {
	lists := [][]EnvVar{c.APIServer.ExtraEnvs, c.ControllerManager.ExtraEnvs, c.Scheduler.ExtraEnvs}
	if c.Etcd.Local != nil {
		lists = append(lists, c.Etcd.Local.ExtraEnvs)
	}
	for _, list := range lists {
		for i := range list {
			if from := list[i].ValueFrom; from != nil && from.FieldRef != nil {
				fill(&from.FieldRef.APIVersion, "v1")
			}
		}
	}
}

// DefaultInit fills what is unset, as kubeadm does. A token's secret, the
// node's name, its socket and its address are the caller's to choose.
func DefaultInit(c *InitConfiguration) {
	c.APIVersion, c.Kind = APIVersion, "InitConfiguration"
	if len(c.BootstrapTokens) == 0 {
		c.BootstrapTokens = []BootstrapToken{{}}
	}
	for i := range c.BootstrapTokens {
		DefaultToken(&c.BootstrapTokens[i])
	}
	fill(&c.LocalAPIEndpoint.BindPort, DefaultBindPort)
	defaultRegistration(&c.NodeRegistration)
	c.Timeouts = defaultTimeouts(c.Timeouts)
}

// DefaultToken fills what is unset of a token but the token itself.
func DefaultToken(t *BootstrapToken) {
	fillDuration(&t.TTL, 24*time.Hour)
	if len(t.Usages) == 0 {
		t.Usages = []string{"signing", "authentication"}
	}
	if len(t.Groups) == 0 {
		t.Groups = []string{DefaultTokenGroup}
	}
}

// DefaultJoin fills what is unset, as kubeadm does.
func DefaultJoin(c *JoinConfiguration) {
	c.APIVersion, c.Kind = APIVersion, "JoinConfiguration"
	fill(&c.CACertPath, DefaultCertificatesDir+"/ca.crt")
	if c.ControlPlane != nil {
		fill(&c.ControlPlane.LocalAPIEndpoint.BindPort, DefaultBindPort)
	}
	if c.Discovery.TLSBootstrapToken == "" && c.Discovery.BootstrapToken != nil {
		c.Discovery.TLSBootstrapToken = c.Discovery.BootstrapToken.Token
	}
	if f := c.Discovery.File; f != nil {
		if u, err := url.Parse(f.KubeConfigPath); err == nil && u.Scheme == "file" {
			f.KubeConfigPath = u.Path
		}
	}
	defaultRegistration(&c.NodeRegistration)
	c.Timeouts = defaultTimeouts(c.Timeouts)
}

// DefaultReset fills what is unset, as kubeadm does.
func DefaultReset(c *ResetConfiguration) {
	c.APIVersion, c.Kind = APIVersion, "ResetConfiguration"
	fill(&c.CertificatesDir, DefaultCertificatesDir)
	c.Timeouts = defaultTimeouts(c.Timeouts)
}

// DefaultUpgrade fills what is unset, as kubeadm does.
func DefaultUpgrade(c *UpgradeConfiguration) {
	c.APIVersion, c.Kind = APIVersion, "UpgradeConfiguration"
	for _, p := range []**bool{
		&c.Node.EtcdUpgrade, &c.Node.CertificateRenewal, &c.Node.ImagePullSerial,
		&c.Apply.EtcdUpgrade, &c.Apply.CertificateRenewal, &c.Apply.ImagePullSerial,
		&c.Plan.EtcdUpgrade,
	} {
		fillTrue(p)
	}
	fill(&c.Node.ImagePullPolicy, corev1.PullIfNotPresent)
	fill(&c.Apply.ImagePullPolicy, corev1.PullIfNotPresent)
	c.Timeouts = defaultTimeouts(c.Timeouts)
}

func defaultRegistration(n *NodeRegistrationOptions) {
	fill(&n.ImagePullPolicy, corev1.PullIfNotPresent)
	fillTrue(&n.ImagePullSerial)
}

func defaultTimeouts(t *Timeouts) *Timeouts {
	if t == nil {
		t = &Timeouts{}
	}
	fillDuration(&t.ControlPlaneComponentHealthCheck, 4*time.Minute)
	fillDuration(&t.KubeletHealthCheck, 4*time.Minute)
	fillDuration(&t.KubernetesAPICall, time.Minute)
	fillDuration(&t.EtcdAPICall, 2*time.Minute)
	fillDuration(&t.TLSBootstrap, 5*time.Minute)
	fillDuration(&t.Discovery, 5*time.Minute)
	fillDuration(&t.UpgradeManifests, 5*time.Minute)
	return t
}

func fill[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

func fillDuration(field **metav1.Duration, value time.Duration) {
	if *field == nil {
		*field = &metav1.Duration{Duration: value}
	}
}

func fillTrue(field **bool) {
	if *field == nil {
		yes := true
		*field = &yes
	}
}
