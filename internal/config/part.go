package config

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Arg is one command-line flag, without its dashes.
type Arg struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Value is what the last flag of that name says: the one that a component obeys.
func Value(args []Arg, name string) (value string, ok bool) {
	for _, arg := range args {
		if arg.Name == name {
			value, ok = arg.Value, true
		}
	}
	return value, ok
}

// EnvVar is one environment variable of a container.
type EnvVar struct {
	corev1.EnvVar `json:""`
}

// HostPathMount is a host's file or folder mounted in a container.
type HostPathMount struct {
	Name      string              `json:"name"`
	HostPath  string              `json:"hostPath"`
	MountPath string              `json:"mountPath"`
	ReadOnly  bool                `json:"readOnly,omitempty"`
	PathType  corev1.HostPathType `json:"pathType,omitempty"`
}

// Patches names the folder of patches for what kubeadm writes; its files are
// "target[suffix][+type].json" or ".yaml".
type Patches struct {
	Directory string `json:"directory,omitempty"`
}

// APIEndpoint is where one API server can be reached.
type APIEndpoint struct {
	AdvertiseAddress string `json:"advertiseAddress,omitempty"`
	BindPort         int32  `json:"bindPort,omitempty"`
}

// NodeRegistrationOptions say how a machine becomes a node.
type NodeRegistrationOptions struct {
	Name      string `json:"name,omitempty"`
	CRISocket string `json:"criSocket,omitempty"`
	// Taints of the node: nil means kubeadm's default for the role, an empty
	// slice means none.
	Taints                []corev1.Taint    `json:"taints"`
	KubeletExtraArgs      []Arg             `json:"kubeletExtraArgs,omitempty"`
	IgnorePreflightErrors []string          `json:"ignorePreflightErrors,omitempty"`
	ImagePullPolicy       corev1.PullPolicy `json:"imagePullPolicy,omitempty"`
	ImagePullSerial       *bool             `json:"imagePullSerial,omitempty"`
}

// Timeouts bound the waits of kubeadm's commands.
type Timeouts struct {
	ControlPlaneComponentHealthCheck *metav1.Duration `json:"controlPlaneComponentHealthCheck,omitempty"`
	KubeletHealthCheck               *metav1.Duration `json:"kubeletHealthCheck,omitempty"`
	KubernetesAPICall                *metav1.Duration `json:"kubernetesAPICall,omitempty"`
	EtcdAPICall                      *metav1.Duration `json:"etcdAPICall,omitempty"`
	TLSBootstrap                     *metav1.Duration `json:"tlsBootstrap,omitempty"`
	Discovery                        *metav1.Duration `json:"discovery,omitempty"`
	UpgradeManifests                 *metav1.Duration `json:"upgradeManifests,omitempty"`
}
