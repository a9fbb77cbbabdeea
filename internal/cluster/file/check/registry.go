package check

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
)

// registries checks mirrors and proxies.
func (l *list) registries(s file.Spec) {
	seen := map[string]bool{}
	for i, m := range s.Mirrors {
		path := fmt.Sprintf("spec.mirrors[%d]", i)
		if m.Registry == "" || strings.ContainsAny(m.Registry, "/ \\'\"") || strings.HasPrefix(m.Registry, ".") || m.Registry == "_default" {
			l.refuse(path+".registry", `write a host such as docker.io, or "*"`, "%q is not a registry", m.Registry)
		}
		if seen[m.Registry] {
			l.refuse(path+".registry", "put all endpoints into one", "%s is there twice", m.Registry)
		}
		seen[m.Registry] = true
		if len(m.Endpoints) == 0 {
			l.refuse(path+".endpoints", "", "at least one is needed")
		}
		for n, e := range m.Endpoints {
			l.url(fmt.Sprintf("%s.endpoints[%d]", path, n), e)
		}
		if m.CA != "" && m.CAFile != "" {
			l.refuse(path, "keep one", "ca and caFile exclude each other")
		} else if m.CA != "" && !certificates(m.CA) {
			l.refuse(path+".ca", "it begins with -----BEGIN CERTIFICATE-----", "it is no certificate in PEM")
		}
	}
	l.url("spec.proxies.http", s.Proxies.HTTP)
	l.url("spec.proxies.https", s.Proxies.HTTPS)
	if len(s.Proxies.NoProxy) > 0 && s.Proxies.HTTP == "" && s.Proxies.HTTPS == "" {
		l.refuse("spec.proxies.noProxy", "name the proxy in spec.proxies.http or https, or leave it out", "it says what needs no proxy, and there is none")
	}
	for i, name := range s.Proxies.NoProxy {
		if name == "" || strings.ContainsAny(name, ", '\"\\\n") {
			l.refuse(fmt.Sprintf("spec.proxies.noProxy[%d]", i), "write one name, address or CIDR in each item", "%q is none", name)
		}
	}
}

// certificates tells whether a text is certificates in PEM, and nothing else.
func certificates(text string) bool {
	rest, found := []byte(text), false
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found && strings.TrimSpace(string(rest)) == ""
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return false
		}
		found = true
	}
}

// url refuses what is no http or https URL. It may hold a password, and is not
// repeated.
func (l *list) url(path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(text, " '\"\\\n") {
		l.refuse(path, "", "it is not a URL such as https://registry.example:5000")
	} else if _, secret := u.User.Password(); secret {
		l.warn(path, "let it know the hosts by their addresses, or keep this file as a secret: who may read pods or DaemonSets in kube-system reads it too", "it holds a password")
	}
}
