// Package config holds the kinds of kubeadm.k8s.io/v1beta4 with their defaults, and writes them as kubeadm does.
package config

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// APIVersion is the version of every kind of this package.
const APIVersion = "kubeadm.k8s.io/v1beta4"

// ClusterConfiguration is what all control planes of a cluster share. kubeadm
// keeps it in the ConfigMap kube-system/kubeadm-config.
type ClusterConfiguration struct {
	metav1.TypeMeta `json:""`

	Etcd       Etcd       `json:"etcd,omitempty"`
	Networking Networking `json:"networking,omitempty"`
	// KubernetesVersion starts with "v".
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// ControlPlaneEndpoint is a stable "host" or "host:port" in front of all
	// control planes; empty means the first one's own address.
	ControlPlaneEndpoint string                `json:"controlPlaneEndpoint,omitempty"`
	APIServer            APIServer             `json:"apiServer,omitempty"`
	ControllerManager    ControlPlaneComponent `json:"controllerManager,omitempty"`
	Scheduler            ControlPlaneComponent `json:"scheduler,omitempty"`
	DNS                  DNS                   `json:"dns,omitempty"`
	Proxy                Proxy                 `json:"proxy,omitempty"`
	CertificatesDir      string                `json:"certificatesDir,omitempty"`
	ImageRepository      string                `json:"imageRepository,omitempty"`
	FeatureGates         map[string]bool       `json:"featureGates,omitempty"`
	ClusterName          string                `json:"clusterName,omitempty"`
	// EncryptionAlgorithm is the kind and size of every private key.
	EncryptionAlgorithm         EncryptionAlgorithm `json:"encryptionAlgorithm,omitempty"`
	CertificateValidityPeriod   *metav1.Duration    `json:"certificateValidityPeriod,omitempty"`
	CACertificateValidityPeriod *metav1.Duration    `json:"caCertificateValidityPeriod,omitempty"`
}

// EncryptionAlgorithm is a private key's kind and size.
type EncryptionAlgorithm string

// The algorithms that kubeadm knows.
const (
	RSA2048   EncryptionAlgorithm = "RSA-2048"
	RSA3072   EncryptionAlgorithm = "RSA-3072"
	RSA4096   EncryptionAlgorithm = "RSA-4096"
	ECDSAP256 EncryptionAlgorithm = "ECDSA-P256"
	ECDSAP384 EncryptionAlgorithm = "ECDSA-P384"
)

// Networking holds the ranges of the cluster. A dual-stack range is two CIDRs
// with a comma between them, the first one's family being the main one.
type Networking struct {
	ServiceSubnet string `json:"serviceSubnet,omitempty"`
	PodSubnet     string `json:"podSubnet,omitempty"`
	DNSDomain     string `json:"dnsDomain,omitempty"`
}

// ControlPlaneComponent is what can be added to a control plane component's static pod.
type ControlPlaneComponent struct {
	// ExtraArgs come after kubeadm's own, in this order; one of the same name replaces it.
	ExtraArgs []Arg `json:"extraArgs,omitempty"`
	// ExtraVolumes of the same name as kubeadm's own replace it.
	ExtraVolumes []HostPathMount `json:"extraVolumes,omitempty"`
	ExtraEnvs    []EnvVar        `json:"extraEnvs,omitempty"`
}

// APIServer adds the extra names of the serving certificate.
type APIServer struct {
	ControlPlaneComponent `json:""`

	CertSANs []string `json:"certSANs,omitempty"`
}

// DNS chooses CoreDNS's image, or leaves CoreDNS out.
type DNS struct {
	ImageMeta `json:""`

	Disabled bool `json:"disabled,omitempty"`
}

// Proxy leaves kube-proxy out when Disabled.
type Proxy struct {
	Disabled bool `json:"disabled,omitempty"`
}

// ImageMeta overrides an image's repository and tag.
type ImageMeta struct {
	ImageRepository string `json:"imageRepository,omitempty"`
	ImageTag        string `json:"imageTag,omitempty"`
}

// Etcd is either Local or External.
type Etcd struct {
	Local    *LocalEtcd    `json:"local,omitempty"`
	External *ExternalEtcd `json:"external,omitempty"`
}

// LocalEtcd is a member that runs as a static pod on each control plane.
type LocalEtcd struct {
	ImageMeta `json:""`

	DataDir        string   `json:"dataDir"`
	ExtraArgs      []Arg    `json:"extraArgs,omitempty"`
	ExtraEnvs      []EnvVar `json:"extraEnvs,omitempty"`
	ServerCertSANs []string `json:"serverCertSANs,omitempty"`
	PeerCertSANs   []string `json:"peerCertSANs,omitempty"`
}

// ExternalEtcd is a cluster of its own that kubeadm does not manage.
type ExternalEtcd struct {
	Endpoints []string `json:"endpoints"`
	// HTTPEndpoints serve health and metrics; they default to Endpoints.
	HTTPEndpoints []string `json:"httpEndpoints,omitempty"`
	CAFile        string   `json:"caFile"`
	CertFile      string   `json:"certFile"`
	KeyFile       string   `json:"keyFile"`
}

// Clone is a copy that shares nothing with the original.
func (c ClusterConfiguration) Clone() ClusterConfiguration {
	var clone ClusterConfiguration
	// What was marshalled from the same type cannot fail to be read.
	_ = yaml.Unmarshal(Marshal(c), &clone)
	return clone
}
