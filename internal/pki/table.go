package pki

// Table returns kubeadm's certificates for one control plane, in kubeadm's
// order, each authority before what it signs. The three authorities are shared
// by all control planes. The input must be valid (see Input.Validate).
func Table(in Input) []Spec {
	in = in.defaulted()
	apiDNS, apiIPs := in.apiServerNames()
	specs := []Spec{
		in.authority(Spec{
			Name: "ca", Base: "ca", CommonName: "kubernetes",
			Readers: []string{"kube-apiserver", "kube-controller-manager", "kubelet"},
			Note:    "the cluster's root of trust: signs the API server's certificate and every client's; the controller manager signs kubelets with its key",
		}),
		in.leaf(Spec{
			Name: "apiserver", Base: "apiserver", CommonName: "kube-apiserver", Parent: "ca",
			Server: true, DNSNames: apiDNS, IPs: apiIPs,
			Readers: []string{"kube-apiserver"},
			Note:    "serves the Kubernetes API; clients refuse an address or name that is not in it",
		}),
		in.leaf(Spec{
			Name: "apiserver-kubelet-client", Base: "apiserver-kubelet-client", CommonName: "kube-apiserver-kubelet-client", Parent: "ca",
			Client:  true,
			Readers: []string{"kube-apiserver"},
			Note:    "shows kubelets who asks for logs, exec and port-forward",
		}),
		in.authority(Spec{
			Name: "front-proxy-ca", Base: "front-proxy-ca", CommonName: "front-proxy-ca",
			Readers: []string{"kube-apiserver", "kube-controller-manager"},
			Note:    "the root of trust for requests that the API server passes on; must not be the cluster CA, or any client could pose as the proxy",
		}),
		in.leaf(Spec{
			Name: "front-proxy-client", Base: "front-proxy-client", CommonName: "front-proxy-client", Parent: "front-proxy-ca",
			Client:  true,
			Readers: []string{"kube-apiserver"},
			Note:    "proves to aggregated API servers, such as metrics-server, that the user named in a request was authenticated",
		}),
	}
	if in.ExternalEtcd {
		return specs
	}
	serverDNS, serverIPs := in.etcdNames(in.EtcdServerSANs)
	peerDNS, peerIPs := in.etcdNames(in.EtcdPeerSANs)
	return append(specs,
		in.authority(Spec{
			Name: "etcd-ca", Base: "etcd/ca", CommonName: "etcd-ca",
			Readers: []string{"etcd", "kube-apiserver"},
			Note:    "etcd's own root of trust: who holds a certificate of it can read and write the whole cluster",
		}),
		in.leaf(Spec{
			Name: "etcd-server", Base: "etcd/server", CommonName: in.NodeName, Parent: "etcd/ca",
			Server: true, Client: true, DNSNames: serverDNS, IPs: serverIPs,
			Readers: []string{"etcd"},
			Note:    "serves etcd's client port; a client certificate too, because etcd's gateway calls itself with it",
		}),
		in.leaf(Spec{
			Name: "etcd-peer", Base: "etcd/peer", CommonName: in.NodeName, Parent: "etcd/ca",
			Server: true, Client: true, DNSNames: peerDNS, IPs: peerIPs,
			Readers: []string{"etcd"},
			Note:    "joins etcd's members: each serves and calls the others with it",
		}),
		in.leaf(Spec{
			Name: "etcd-healthcheck-client", Base: "etcd/healthcheck-client", CommonName: "kube-etcd-healthcheck-client", Parent: "etcd/ca",
			Client:  true,
			Readers: []string{"etcdctl", "kubeadm"},
			Note:    "for tools that look after etcd's members and health, so that they need not use the API server's certificate",
		}),
		in.leaf(Spec{
			Name: "apiserver-etcd-client", Base: "apiserver-etcd-client", CommonName: "kube-apiserver-etcd-client", Parent: "etcd/ca",
			Client:  true,
			Readers: []string{"kube-apiserver"},
			Note:    "opens etcd to the API server, the only component that stores anything",
		}),
	)
}

// authority completes the spec of a self-signed authority, whose one SAN is its own name.
func (in Input) authority(s Spec) Spec {
	s.Dir, s.CA, s.DNSNames = in.Dir, true, []string{s.CommonName}
	s.Algorithm, s.Validity = in.Algorithm, in.CAValidity
	return s
}

// leaf completes the spec of a certificate that cannot sign others.
func (in Input) leaf(s Spec) Spec {
	s.Dir, s.Algorithm, s.Validity = in.Dir, in.Algorithm, in.Validity
	return s
}
