// Package component says which upstream programs a cluster's host runs, how, and where each answers for its health.
package component

import (
	"cmp"
	"net"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/desired/controlplane"
	"keelway.dev/keelway/internal/desired/etcd"
	"keelway.dev/keelway/internal/desired/flannel"
	"keelway.dev/keelway/internal/desired/haproxy"
	"keelway.dev/keelway/internal/desired/kubelet"
)

// Kind is how a component runs.
type Kind string

// The kinds, in the words of the programs that keep them running.
const (
	Service    Kind = "service"    // the host's service manager
	StaticPod  Kind = "static pod" // the kubelet, from a file
	Deployment Kind = "Deployment" // the controller manager and the scheduler
	DaemonSet  Kind = "DaemonSet"  // the controller manager, on every node
)

// Component is one program as a host runs it.
type Component struct {
	// Name is upstream's, and desired.Resource.Component.
	Name string
	Kind Kind
	// File is what has to be there for it to run at all: a service's unit
	// file, a static pod's manifest; "" for what the API holds.
	File string
	// Unit is a service's name, without ".service".
	Unit string
	// Namespace and Container find its containers in the runtime; Workload is
	// the Deployment's or DaemonSet's name, and a static pod's where that is not
	// Name.
	Namespace, Container, Workload string
	// Here is true where only what runs on this host counts: a worker's identity
	// may not ask the API about a whole DaemonSet.
	Here bool
	// Health are the URLs at which it answers for itself, the most telling
	// last; none for containerd, which is asked over its socket, and for what
	// answers inside the pod network only.
	Health []string
	// Needs are the components that it cannot work without.
	Needs []string
}

const manifests = "/etc/kubernetes/manifests/"

// For lists what a host of these roles runs, each after what it needs.
func For(m *cluster.Model, h cluster.Host) []Component {
	main, member := h.Has(cluster.ControlPlane), h.Has(cluster.EtcdMember)
	if !main && !member && !h.Has(cluster.Worker) {
		return balancer(m, h)
	}
	list := []Component{
		{Name: "containerd", Kind: Service, Unit: "containerd", File: containerd.UnitFile},
		{Name: "kubelet", Kind: Service, Unit: "kubelet", File: kubelet.UnitFile, Health: kubeletHealth(m), Needs: []string{"containerd"}},
	}
	address := h.Init.LocalAPIEndpoint.AdvertiseAddress
	apiNeeds := []string{"kubelet"}
	if m.Cluster.Etcd.Local != nil && (main || member) {
		list = append(list, staticPod(etcd.Pod(m, h), address, "kubelet"))
		apiNeeds = []string{"etcd"}
	}
	switch {
	case member:
		return list
	case !main:
		list = append(list, balancer(m, h)...)
		return append(list, addons(m, true, "kubelet")...)
	}
	list = append(list,
		staticPod(controlplane.APIServer(m, h), address, apiNeeds...),
		staticPod(controlplane.Manager(m, h), address, "kube-apiserver"),
		staticPod(controlplane.Scheduler(m, h), address, "kube-apiserver"),
	)
	list = append(list, balancer(m, h)...) // it cannot be well before the API server is
	if m.Profile == cluster.Hardened {
		const name = "keelway-approver"
		list = append(list, Component{
			Name: name, Kind: Service, Unit: name, File: "/usr/lib/systemd/system/" + name + ".service", Needs: []string{"kube-apiserver"},
		})
	}
	list = append(list, addons(m, false, "kube-controller-manager")...)
	if !m.Cluster.DNS.Disabled {
		needs := []string{"kube-controller-manager", "kube-scheduler"}
		for _, name := range []string{"flannel", "kube-proxy"} {
			if _, ok := Find(list, name); ok {
				needs = append(needs, name)
			}
		}
		list = append(list, Component{
			Name: "coredns", Kind: Deployment, Namespace: "kube-system", Workload: "coredns", Container: "coredns", Needs: needs,
		})
	}
	return list
}

// balancer is the host's load balancer: a node's own is a pod, one for all a
// service.
func balancer(m *cluster.Model, h cluster.Host) []Component {
	c := Component{Name: "haproxy", Health: balancerHealth(m.Balancer)}
	switch {
	case m.Balancer.Local:
		c.Kind, c.File, c.Needs = StaticPod, manifests+haproxy.Name+".yaml", []string{"kubelet"}
		c.Namespace, c.Container, c.Workload = "kube-system", haproxy.Name, haproxy.Name
	case h.Has(cluster.LoadBalancer):
		c.Kind, c.Unit, c.File = Service, haproxy.Name, haproxy.UnitFile
	default:
		return nil
	}
	return []Component{c}
}

// addons are what the controller manager has every node run.
func addons(m *cluster.Model, here bool, needs string) []Component {
	var list []Component
	if !m.Theirs.Network {
		list = append(list, Component{
			Name: "flannel", Kind: DaemonSet, Namespace: flannel.Namespace, Workload: "kube-flannel-ds", Container: "kube-flannel",
			Here: here, Needs: []string{needs},
		})
	}
	if !m.Cluster.Proxy.Disabled {
		list = append(list, Component{
			Name: "kube-proxy", Kind: DaemonSet, Namespace: "kube-system", Workload: "kube-proxy", Container: "kube-proxy",
			Here: here, Health: []string{proxyHealth(m)}, Needs: []string{needs},
		})
	}
	return list
}

// balancerHealth is the API as the load balancer passes it on; all addresses is
// no address to ask.
func balancerHealth(b cluster.Balancer) []string {
	if b.Address == "" {
		b.Address = "127.0.0.1"
	}
	return []string{"https://" + haproxy.Endpoint(b) + "/readyz"}
}

// staticPod takes the health endpoints from the probes in its own manifest.
func staticPod(pod corev1.Pod, address string, needs ...string) Component {
	c := pod.Spec.Containers[0]
	out := Component{
		Name: pod.Name, Kind: StaticPod, File: manifests + pod.Name + ".yaml",
		Namespace: pod.Namespace, Container: c.Name, Needs: needs,
	}
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil {
			continue
		}
		get := probe.HTTPGet
		port := get.Port.IntValue()
		for _, p := range c.Ports {
			if p.Name == get.Port.StrVal {
				port = int(p.ContainerPort)
			}
		}
		scheme := "http"
		if get.Scheme == corev1.URISchemeHTTPS {
			scheme = "https"
		}
		url := scheme + "://" + net.JoinHostPort(cmp.Or(get.Host, address), strconv.Itoa(port)) + get.Path
		if !slices.Contains(out.Health, url) {
			out.Health = append(out.Health, url)
		}
	}
	return out
}

func kubeletHealth(m *cluster.Model) []string {
	port := m.Kubelet.HealthzPort
	if port == nil || *port == 0 {
		return nil
	}
	return []string{"http://" + net.JoinHostPort(m.Kubelet.HealthzBindAddress, strconv.Itoa(int(*port))) + "/healthz"}
}

// proxyHealth is where kube-proxy answers; all addresses is no address to ask.
func proxyHealth(m *cluster.Model) string {
	const port = "10256"
	host, p, err := net.SplitHostPort(m.Proxy.HealthzBindAddress)
	if err != nil {
		host, p = m.Proxy.HealthzBindAddress, port
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, p) + "/healthz"
}

// Find returns the component of that name.
func Find(list []Component, name string) (Component, bool) {
	i := slices.IndexFunc(list, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return list[i], true
}

// Chain lists the component of that name last, after everything that it needs,
// in the order of list. A name that is not there has no chain.
func Chain(list []Component, name string) []Component {
	wanted := map[string]bool{}
	var want func(string)
	want = func(n string) {
		if wanted[n] {
			return
		}
		c, ok := Find(list, n)
		if !ok {
			return
		}
		wanted[n] = true
		for _, needed := range c.Needs {
			want(needed)
		}
	}
	want(name)
	var chain []Component
	for _, c := range list {
		if wanted[c.Name] {
			chain = append(chain, c)
		}
	}
	return chain
}
