package desired

import (
	"slices"

	"keelway.dev/keelway/internal/cluster"
)

const subnetFile = "/run/flannel/subnet.env"

// controlPlaneImages are what must be there before the kubelet starts; the
// first to run comes first.
func controlPlaneImages(m *cluster.Model) []string {
	names := nodeImages(m)
	if m.Cluster.Etcd.Local != nil {
		names = append(names, "etcd")
	}
	return append(names, "kube-apiserver", "kube-controller-manager", "kube-scheduler")
}

// nodeImages are what any node's static pods need.
func nodeImages(m *cluster.Model) []string {
	names := []string{"pause"}
	if m.Balancer.Present() && m.Balancer.Local {
		names = append(names, "haproxy")
	}
	return names
}

func addonImages(m *cluster.Model) []string {
	names := []string{"flannel"}
	if !m.Cluster.Proxy.Disabled {
		names = append(names, "kube-proxy")
	}
	if !m.Cluster.DNS.Disabled {
		names = append(names, "coredns")
	}
	return names
}

// Images are every image that the model's hosts need, by the references that a
// bundle has them by, sorted.
func Images(m *cluster.Model) []string {
	return collect(m, func(r Resource) (names []string) {
		for _, i := range r.Images {
			names = append(names, i.Bundled)
		}
		return names
	})
}

// Binaries are the names of every program that the model's hosts need, sorted.
// Self is the running program, which no bundle holds.
func Binaries(m *cluster.Model) []string {
	return collect(m, func(r Resource) (names []string) {
		for _, f := range r.Files {
			if f.Binary != "" {
				names = append(names, f.Binary)
			}
		}
		return names
	})
}

func collect(m *cluster.Model, of func(Resource) []string) []string {
	var all []string
	for i := range m.Hosts {
		for _, r := range For(m, i).Resources {
			all = append(all, of(r)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Proof names the images that a proof of the cluster runs: each is there anyway.
type Proof struct {
	// Server's program is CoreDNS; Client has kubectl.
	Server, Client string
}

// ProofImages are the images that a proof of the cluster runs. kube-proxy's is on
// every node, and has kubectl as all images of Kubernetes have.
func ProofImages(m *cluster.Model) Proof {
	client := "kube-proxy"
	if m.Cluster.Proxy.Disabled {
		client = "kube-apiserver"
	}
	return Proof{Server: m.Image("coredns"), Client: m.Image(client)}
}
