package check

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/config"
)

// Oldest is the first Kubernetes version that Keelway can install.
const Oldest = "v1.35.0"

// Init finds the problems of an InitConfiguration with its ClusterConfiguration,
// both defaulted.
func Init(i *config.InitConfiguration, c *config.ClusterConfiguration) []Problem {
	l := list(Cluster(c))
	l.registration("nodeRegistration", i.NodeRegistration)
	l.tokens("bootstrapTokens", i.BootstrapTokens)
	l.endpoint("localAPIEndpoint", i.LocalAPIEndpoint)
	l.certificateKey("certificateKey", i.CertificateKey)
	return l
}

// Cluster finds the problems of a defaulted ClusterConfiguration.
func Cluster(c *config.ClusterConfiguration) []Problem {
	var l list
	if v, err := version.ParseSemantic(c.KubernetesVersion); err != nil {
		l.add("kubernetesVersion", "%q is not a version such as v1.37.0", c.KubernetesVersion)
	} else if v.LessThan(version.MustParseSemantic(Oldest)) {
		l.add("kubernetesVersion", "%s is older than %s, the oldest that can be installed", c.KubernetesVersion, Oldest)
	}
	if r := c.DNS.ImageRepository; r != "" {
		l.repository("dns.imageRepository", r)
	}
	l.networking(c)
	l.sans("apiServer.certSANs", c.APIServer.CertSANs)
	l.args("apiServer.extraArgs", c.APIServer.ExtraArgs)
	l.args("controllerManager.extraArgs", c.ControllerManager.ExtraArgs)
	l.args("scheduler.extraArgs", c.Scheduler.ExtraArgs)
	l.absolute("certificatesDir", c.CertificatesDir)
	l.features(c.FeatureGates)
	l.hostPort("controlPlaneEndpoint", c.ControlPlaneEndpoint)
	l.repository("imageRepository", c.ImageRepository)
	l.etcd(c.Etcd)
	known := []config.EncryptionAlgorithm{config.RSA2048, config.RSA3072, config.RSA4096, config.ECDSAP256, config.ECDSAP384}
	if !slices.Contains(known, c.EncryptionAlgorithm) {
		l.add("encryptionAlgorithm", "%q is none of %v", c.EncryptionAlgorithm, known)
	}
	l.validity(c)
	return l
}

// features are the gates of kubeadm 1.37 (cmd/kubeadm/app/features).
func (l *list) features(gates map[string]bool) {
	known := []string{"RootlessControlPlane"}
	for name := range gates {
		if !slices.Contains(known, name) {
			l.add("featureGates."+name, "%s is not a feature gate of kubeadm", name)
		}
	}
}

// validity refuses periods with which no certificate would ever be valid.
// kubeadm issues such certificates.
func (l *list) validity(c *config.ClusterConfiguration) {
	leaf, ca := c.CertificateValidityPeriod, c.CACertificateValidityPeriod
	if leaf != nil && leaf.Duration <= 0 {
		l.named("CertificateValidity", "certificateValidityPeriod", "%s is not a time that a certificate could be valid for", leaf.Duration)
	}
	if ca != nil && ca.Duration <= 0 {
		l.named("CertificateValidity", "caCertificateValidityPeriod", "%s is not a time that a certificate could be valid for", ca.Duration)
	}
	if leaf != nil && ca != nil && ca.Duration > 0 && leaf.Duration > ca.Duration {
		l.named("CertificateValidity", "certificateValidityPeriod", "%s is longer than the CA's %s: no certificate is valid after its CA", leaf.Duration, ca.Duration)
	}
}

func (l *list) etcd(e config.Etcd) {
	switch {
	case e.Local == nil && e.External == nil:
		l.add("etcd", "local or external is needed")
		return
	case e.Local != nil && e.External != nil:
		l.add("etcd", "local and external exclude each other: keep one")
		return
	case e.Local != nil:
		l.absolute("etcd.local.dataDir", e.Local.DataDir)
		l.sans("etcd.local.serverCertSANs", e.Local.ServerCertSANs)
		l.sans("etcd.local.peerCertSANs", e.Local.PeerCertSANs)
		if e.Local.ImageRepository != "" {
			l.repository("etcd.local.imageRepository", e.Local.ImageRepository)
		}
		l.args("etcd.local.extraArgs", e.Local.ExtraArgs)
		return
	}
	x := e.External
	if (x.CertFile == "") != (x.KeyFile == "") {
		l.add("etcd.external", "certFile and keyFile belong together: give both or neither")
	}
	if x.CertFile != "" && x.KeyFile != "" && x.CAFile == "" {
		l.add("etcd.external", "certFile and keyFile need caFile")
	}
	if len(x.Endpoints) == 0 {
		l.add("etcd.external.endpoints", "at least one endpoint is needed")
	}
	tls := x.CAFile != "" || x.CertFile != "" || x.KeyFile != ""
	l.urls("etcd.external.endpoints", x.Endpoints, tls)
	l.urls("etcd.external.httpEndpoints", x.HTTPEndpoints, false)
	for _, f := range []struct{ field, value string }{{"caFile", x.CAFile}, {"certFile", x.CertFile}, {"keyFile", x.KeyFile}} {
		if f.value != "" {
			l.absolute("etcd.external."+f.field, f.value)
		}
	}
}

func (l *list) urls(field string, urls []string, tls bool) {
	for i, text := range urls {
		u, err := url.Parse(text)
		switch at := fmt.Sprintf("%s[%d]", field, i); {
		case err != nil:
			l.add(at, "%q is not a URL", text)
		case tls && u.Scheme != "https":
			l.add(at, "%q is not an https URL, though certificates are given", text)
		case u.Scheme == "":
			l.add(at, "%q has no scheme: write http:// or https:// before it", text)
		}
	}
}

func (l *list) tokens(field string, tokens []config.BootstrapToken) {
	for i, t := range tokens {
		at := fmt.Sprintf("%s[%d]", field, i)
		if t.Token == nil || t.Token.String() == "" {
			l.add(at+".token", "the token is missing or not of the form abcdef.0123456789abcdef")
		}
		l.tokenUse(at, t.Usages, t.Groups)
		if t.Expires != nil && t.TTL != nil {
			l.add(at, "ttl and expires exclude each other: keep one")
		}
	}
}

// Token finds the problems of a token that `token create` makes.
func Token(t config.BootstrapToken) []Problem {
	var l list
	l.tokens("token", []config.BootstrapToken{t})
	return l
}

// tokenUse holds to the rules of the API for Secrets of that type
// (k8s.io/cluster-bootstrap).
func (l *list) tokenUse(at string, usages, groups []string) {
	for _, u := range usages {
		if u != "signing" && u != "authentication" {
			l.add(at+".usages", "%q is not a usage of a token: signing, authentication", u)
		}
	}
	if len(groups) > 0 && !slices.Contains(usages, "authentication") {
		l.add(at+".groups", "groups %v need the usage authentication", groups)
	}
	for _, g := range groups {
		name, ok := strings.CutPrefix(g, "system:bootstrappers:")
		if !ok || !groupName(name) {
			l.add(at+".groups", "%q is not a group of tokens such as system:bootstrappers:mine", g)
		}
	}
}

// groupName is what may stand after "system:bootstrappers:": small letters,
// digits, ":" and "-", at most 256, ending with a letter or digit.
func groupName(s string) bool {
	if s == "" || len(s) > 256 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789:-") != "" {
		return false
	}
	last := s[len(s)-1]
	return last != ':' && last != '-'
}

// domain is a DNS domain in small letters.
func (l *list) domain(field, value string) {
	for _, words := range validation.IsDNS1123Subdomain(value) {
		l.add(field, "%q: %s", value, words)
	}
}
