package file

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

// registries is how the runtimes of all hosts reach registries.
func (c Cluster) registries() cluster.Registries {
	r := cluster.Registries{Kept: true, Proxy: c.proxies()}
	for _, m := range c.Spec.Mirrors {
		r.Mirrors = append(r.Mirrors, cluster.Mirror{Registry: m.Registry, Endpoints: slices.Clone(m.Endpoints), CA: m.CA})
	}
	return r
}

// proxies are the variables by which programs find their proxies; none where
// the file names none.
func (c Cluster) proxies() []config.EnvVar {
	p := c.Spec.Proxies
	if p.HTTP == "" && p.HTTPS == "" {
		return nil
	}
	var list []config.EnvVar
	add := func(name, value string) {
		if value != "" {
			list = append(list, config.EnvVar{EnvVar: corev1.EnvVar{Name: name, Value: value}})
		}
	}
	add("HTTPS_PROXY", p.HTTPS)
	add("HTTP_PROXY", p.HTTP)
	add("NO_PROXY", strings.Join(c.noProxy(), ","))
	return list
}

// noProxy is what the file names, and all that is in the cluster. A host that is
// added changes it only where the file does not name the hosts' networks: every
// control plane is started anew with it.
func (c Cluster) noProxy() []string {
	s := c.Spec
	list := slices.Clone(s.Proxies.NoProxy)
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	add("localhost", "127.0.0.1", "::1")
	add(strings.Split(s.Network.Pods, ",")...)
	add(strings.Split(s.Network.Services, ",")...)
	add(".svc", "."+s.Network.DNSDomain)
	if host, _, err := net.SplitHostPort(s.Endpoint); err == nil {
		add(host)
	}
	add(s.Network.Nodes...)
	for _, h := range s.Hosts {
		for _, text := range []string{h.NodeAddress, h.SecondAddress} {
			address, err := netip.ParseAddr(text)
			within := slices.ContainsFunc(s.Network.Nodes, func(cidr string) bool {
				p, wrong := netip.ParsePrefix(cidr)
				return err == nil && wrong == nil && p.Contains(address)
			})
			if !within {
				add(text)
			}
		}
	}
	return list
}
