package release

// Component is an upstream program, or a family of them, as it is shipped.
type Component struct {
	// Name is upstream's, such as "containerd".
	Name string
	// Version starts with "v".
	Version string
	// Module is the Go module it is compiled from; empty for pause, which is
	// compiled from this repository.
	Module string
	// License is the SPDX identifier.
	License string
}

// Components lists everything in the release, in the order of the words above.
func (r Release) Components() []Component {
	const apache = "Apache-2.0"
	return []Component{
		{"kubernetes", r.Kubernetes, "k8s.io/kubernetes", apache},
		{"etcd", r.Etcd, "go.etcd.io/etcd/server/v3", apache},
		{"coredns", r.CoreDNS, "github.com/coredns/coredns", apache},
		{"pause", r.Pause, "", apache},
		{"containerd", r.Containerd, "github.com/containerd/containerd/v2", apache},
		{"runc", r.Runc, "github.com/opencontainers/runc", apache},
		{"cni-plugins", r.CNI, "github.com/containernetworking/plugins", apache},
		{"flannel-cni-plugin", r.FlannelCNI, "github.com/containernetworking/plugins", apache},
		{"flannel", r.Flannel, "github.com/flannel-io/flannel", apache},
		{"crictl", r.Crictl, "sigs.k8s.io/cri-tools", apache},
	}
}

// Component finds a component by name; ok is false when there is none.
func (r Release) Component(name string) (c Component, ok bool) {
	for _, c := range r.Components() {
		if c.Name == name {
			return c, true
		}
	}
	return Component{}, false
}
