// Package file holds the kinds of the cluster file: a whole cluster of many machines, as its owner writes it down.
package file

import (
	_ "embed" // Source is the text of two files

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
)

// APIVersion and Kind stand at the top of every cluster file.
const (
	APIVersion = "keelway.dev/v1"
	Kind       = "Cluster"
)

// Source is the text of the files that declare the fields: the reference and
// the JSON Schema take what each field means from its comment.
//
//go:embed cluster.go
var Source string

// HostSource is the rest of it.
//
//go:embed host.go
var HostSource string

// Cluster is one cluster, with all of its machines.
type Cluster struct {
	// APIVersion is `keelway.dev/v1`.
	APIVersion string `json:"apiVersion"`
	// Kind is `Cluster`.
	Kind     string   `json:"kind"`
	Metadata Metadata `json:"metadata"`
	Spec     Spec     `json:"spec"`
}

// Metadata holds the name.
type Metadata struct {
	// Name is the cluster's name, a DNS label. It becomes kubeadm's clusterName and the name in kubeconfigs.
	Name string `json:"name"`
}

// Spec is what the cluster should be.
type Spec struct {
	// KubernetesVersion is the version of the control plane and of every kubelet, such as v1.37.0. It has no default, because with one a newer keelway would upgrade the cluster.
	KubernetesVersion string `json:"kubernetesVersion"`
	// Profile chooses what goes beyond kubeadm's defaults: hardened (docs/security.md) or kubeadm (nothing). Default: hardened.
	Profile cluster.Profile `json:"profile,omitempty"`
	// Endpoint is where clients reach the API: the host, or host:port, of a load balancer, a virtual address or a DNS name. Default: the load balancer host's address, or none.
	Endpoint string `json:"endpoint,omitempty"`
	// Hosts are the machines, of all roles.
	Hosts []Host `json:"hosts"`
	// SSH is what the hosts' ssh have in common; a host's own field goes before.
	SSH           *SSH          `json:"ssh,omitempty"`
	Network       Network       `json:"network,omitzero"`
	Etcd          Etcd          `json:"etcd,omitzero"`
	LoadBalancing LoadBalancing `json:"loadBalancing,omitzero"`
	Certificates  Certificates  `json:"certificates,omitzero"`
	Encryption    Encryption    `json:"encryption,omitzero"`
	Audit         Audit         `json:"audit,omitzero"`
	// APIServer adds to the kube-apiserver, as kubeadm's apiServer does.
	APIServer Component `json:"apiServer,omitzero"`
	// ControllerManager adds to the kube-controller-manager, as kubeadm's controllerManager does.
	ControllerManager Component `json:"controllerManager,omitzero"`
	// Scheduler adds to the kube-scheduler, as kubeadm's scheduler does.
	Scheduler Component `json:"scheduler,omitzero"`
	Kubelet   Kubelet   `json:"kubelet,omitzero"`
	KubeProxy KubeProxy `json:"kubeProxy,omitzero"`
	Patches   Patches   `json:"patches,omitzero"`
	Addons    Addons    `json:"addons,omitzero"`
	Hooks     Hooks     `json:"hooks,omitzero"`
	// Bundle is the path of the bundle that everything is installed from. Default: the one beside keelway, or in /usr/share/keelway.
	Bundle string `json:"bundle,omitempty"`
	// BundleOncePerZone sends the bundle once to each zone that needs it, to one of its hosts; the others get programs and images from that host, over plain HTTP, port 7442, each checked by its sha256. Hosts without a zone are one.
	BundleOncePerZone bool `json:"bundleOncePerZone,omitempty"`
	// ImageRepository is where images are pulled from that are not in the bundle, as in kubeadm. Default: registry.k8s.io.
	ImageRepository string `json:"imageRepository,omitempty"`
	// Mirrors are registries that containerd asks in the place of others.
	Mirrors []Mirror `json:"mirrors,omitempty"`
	Proxies Proxies  `json:"proxies,omitzero"`
}

// Network is the cluster's ranges of addresses, and its domain.
type Network struct {
	// Pods is the range of the pods' addresses, a CIDR; or one of each family with a comma between, the nodeAddress's first. Default: 10.244.0.0/16.
	Pods string `json:"pods,omitempty"`
	// Services is the range of the Services' addresses, a CIDR; or one of each family as with pods. Default: 10.96.0.0/12.
	Services string `json:"services,omitempty"`
	// DNSDomain is the domain of the cluster's DNS. Default: cluster.local.
	DNSDomain string `json:"dnsDomain,omitempty"`
	// Nodes are the networks that the hosts stand in, CIDRs: an address of a host that lies in none of them is refused. Default: any address.
	Nodes []string `json:"nodes,omitempty"`
}

// Etcd is where the cluster keeps its objects.
type Etcd struct {
	// Topology is where the members run: stacked (one on each control plane) or external (etcd is a cluster of its own: on the hosts with the role etcd, or the one that `external` names). Default: external if `external` is given, else stacked.
	Topology Topology `json:"topology,omitempty"`
	// External is an etcd that others look after.
	External *ExternalEtcd `json:"external,omitempty"`
	// DataDir is the folder of a member's data. Default: /var/lib/etcd.
	DataDir string `json:"dataDir,omitempty"`
	// ExtraArgs are flags for the members, without their dashes.
	ExtraArgs []config.Arg `json:"extraArgs,omitempty"`
}

// ExternalEtcd is reached over TLS with a client certificate.
type ExternalEtcd struct {
	// Endpoints are the members' URLs, such as https://192.0.2.21:2379.
	Endpoints []string `json:"endpoints"`
	// CAFile is the path of the CA that signed the members' certificates, on every control plane, as in kubeadm.
	CAFile string `json:"caFile"`
	// CertFile is the path of the API server's client certificate, on every control plane.
	CertFile string `json:"certFile"`
	// KeyFile is the path of that certificate's key.
	KeyFile string `json:"keyFile"`
}

// LoadBalancing is what stands in front of the API servers.
type LoadBalancing struct {
	// Kind is what leads clients to an API server: none (there is one control plane), external (what is behind `endpoint` is yours), haproxy (on the hosts with the role loadbalancer) or node (a local one on each host). Default: haproxy with such hosts, else external with an endpoint, else node with several control planes, else none.
	Kind Balancing `json:"kind,omitempty"`
	// Port is where the load balancer listens. Default: the endpoint's port, or 6443; 7443 for node.
	Port int32 `json:"port,omitempty"`
}

// Certificates are how keys and certificates are made.
type Certificates struct {
	// Algorithm is the kind and size of every key. Default: ECDSA-P256; RSA-2048 in the profile kubeadm.
	Algorithm config.EncryptionAlgorithm `json:"algorithm,omitempty"`
	// Validity is how long certificates are valid. Default: 8760h0m0s, a year.
	Validity *metav1.Duration `json:"validity,omitempty"`
	// CAValidity is how long the CAs are valid. Default: 87600h0m0s, ten years.
	CAValidity *metav1.Duration `json:"caValidity,omitempty"`
	// ExtraSANs are more names and addresses in the API server's certificate.
	ExtraSANs []string `json:"extraSANs,omitempty"`
}

// Component is what can be added to a control plane component's static pod, in kubeadm's own words.
type Component struct {
	// ExtraArgs are flags without their dashes, a list of name and value. They come after Keelway's own; one of the same name replaces it.
	ExtraArgs []config.Arg `json:"extraArgs,omitempty"`
	// ExtraVolumes are files and folders of the host to mount in the container.
	ExtraVolumes []config.HostPathMount `json:"extraVolumes,omitempty"`
	// ExtraEnvs are variables of the container's environment.
	ExtraEnvs []config.EnvVar `json:"extraEnvs,omitempty"`
}

// Encryption is of what etcd stores.
type Encryption struct {
	// Enabled seals resources before they go to etcd. Default: true; false in the profile kubeadm.
	Enabled *bool `json:"enabled,omitempty"`
	// Resources are what is sealed. Default: secrets.
	Resources []string `json:"resources,omitempty"`
}

// Audit is the log of who asked the API for what.
type Audit struct {
	// Enabled writes the log, on every control plane. Default: true; false in the profile kubeadm.
	Enabled *bool `json:"enabled,omitempty"`
	// PolicyFile is the path of an audit policy of your own. Default: Keelway's, in docs/security.md.
	PolicyFile string `json:"policyFile,omitempty"`
	// MaxAge is how many days a log is kept. Default: 30.
	MaxAge int32 `json:"maxAge,omitempty"`
	// MaxBackups is how many logs are kept. Default: 10.
	MaxBackups int32 `json:"maxBackups,omitempty"`
	// MaxSize is how many megabytes a log has before the next begins. Default: 100.
	MaxSize int32 `json:"maxSize,omitempty"`
}
