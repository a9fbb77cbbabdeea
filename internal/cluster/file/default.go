package file

import (
	"cmp"
	"net"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Ports that load balancers listen at by default.
const (
	DefaultPort = config.DefaultBindPort
	// DefaultNodePort is not the API server's own port, which it has on the
	// same host.
	DefaultNodePort = 7443
)

// Default fills what is unset. It leaves alone what it cannot make sense of,
// and says nothing: to find what is wrong is for package check. What ssh and
// its configuration would fill in, such as the user, stays unset.
func Default(c *Cluster) {
	s := &c.Spec
	fill(&c.APIVersion, APIVersion)
	fill(&c.Kind, Kind)
	if r, err := release.For(s.KubernetesVersion); err == nil {
		s.KubernetesVersion = r.Kubernetes
	}
	fill(&s.Profile, cluster.Hardened)
	for i := range s.Hosts {
		defaultHost(&s.Hosts[i], s.SSH)
	}
	fill(&s.Network.Pods, cluster.DefaultPodSubnet)
	fill(&s.Network.Services, config.DefaultServiceSubnet)
	fill(&s.Network.DNSDomain, config.DefaultDNSDomain)
	fill(&s.ImageRepository, config.DefaultImageRepository)
	if s.Etcd.External != nil {
		fill(&s.Etcd.Topology, External)
	}
	fill(&s.Etcd.Topology, Stacked)
	if s.Etcd.External == nil {
		fill(&s.Etcd.DataDir, config.DefaultEtcdDataDir)
	}
	c.defaultBalancing()
	hardened := s.Profile == cluster.Hardened
	if hardened {
		fill(&s.Certificates.Algorithm, config.ECDSAP256)
	}
	fill(&s.Certificates.Algorithm, config.RSA2048)
	fillTime(&s.Certificates.Validity, 365*24*time.Hour)
	fillTime(&s.Certificates.CAValidity, 10*365*24*time.Hour)
	fillBool(&s.Encryption.Enabled, hardened)
	if *s.Encryption.Enabled && s.Encryption.Resources == nil {
		s.Encryption.Resources = []string{"secrets"}
	}
	fillBool(&s.Audit.Enabled, hardened)
	if *s.Audit.Enabled {
		fill(&s.Audit.MaxAge, 30)
		fill(&s.Audit.MaxBackups, 10)
		fill(&s.Audit.MaxSize, 100)
	}
	for i := range s.Addons.Helm {
		fill(&s.Addons.Helm[i].Namespace, "default")
	}
	for _, hooks := range [][]Hook{s.Hooks.BeforeApply, s.Hooks.BeforeHost, s.Hooks.AfterHost, s.Hooks.AfterApply} {
		for i := range hooks {
			fillTime(&hooks[i].Timeout, 5*time.Minute)
		}
	}
}

func defaultHost(h *Host, common *SSH) {
	fill(&h.NodeAddress, h.Address)
	if h.IsNode() {
		fill(&h.NodeName, h.Name)
	}
	if common == nil {
		return
	}
	fill(&h.SSH.User, common.User)
	fill(&h.SSH.Port, common.Port)
	fill(&h.SSH.KeyFile, common.KeyFile)
	if common.Jump != h.Name { // nobody goes through himself
		fill(&h.SSH.Jump, common.Jump)
	}
}

// defaultBalancing chooses the kind of load balancing, its port and the endpoint.
func (c *Cluster) defaultBalancing() {
	s := &c.Spec
	balancers := c.With(LoadBalancer)
	b := &s.LoadBalancing
	switch {
	case b.Kind != "":
	case len(balancers) > 0:
		b.Kind = HAProxy
	case s.Endpoint != "":
		b.Kind = ExternalBalancing
	case len(c.With(ControlPlane)) > 1:
		b.Kind = NodeLocal
	default:
		b.Kind = NoBalancing
	}
	host, text, err := net.SplitHostPort(s.Endpoint)
	if err != nil {
		host, text = s.Endpoint, ""
	}
	port, err := strconv.ParseUint(text, 10, 16)
	switch {
	case b.Kind == NodeLocal:
		fill(&b.Port, DefaultNodePort)
	case err == nil:
		fill(&b.Port, int32(port))
	default:
		fill(&b.Port, DefaultPort)
	}
	if b.Kind == HAProxy && host == "" && len(balancers) == 1 {
		host = balancers[0].NodeAddress
	}
	if host != "" && text == "" {
		port := b.Port
		if b.Kind == NodeLocal {
			port = DefaultPort
		}
		s.Endpoint = net.JoinHostPort(trimBrackets(host), strconv.Itoa(int(port)))
	}
}

func trimBrackets(host string) string {
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

func fill[T comparable](field *T, value T) {
	*field = cmp.Or(*field, value)
}

func fillBool(field **bool, value bool) {
	if *field == nil {
		*field = &value
	}
}

func fillTime(field **metav1.Duration, value time.Duration) {
	if *field == nil {
		*field = &metav1.Duration{Duration: value}
	}
}
