package file

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/config"
)

// Host is one machine.
type Host struct {
	// Name is what commands call the host, a DNS name. It is the node's name unless nodeName says another.
	Name string `json:"name"`
	// Address is where SSH reaches the host. It may be a DNS name if nodeAddress is given.
	Address string `json:"address"`
	// NodeAddress is the IP address that the other hosts reach it by, where that is another one. Default: address.
	NodeAddress string `json:"nodeAddress,omitempty"`
	// Roles are what the host is for: controlplane, worker, etcd or loadbalancer. A control plane that is also a worker runs ordinary pods.
	Roles []Role `json:"roles"`
	// SSH is how to log in. Unset fields are taken from `spec.ssh`, then from ~/.ssh/config, then from ssh's own defaults.
	SSH SSH `json:"ssh,omitzero"`
	// NodeName is the name of the Kubernetes node. Default: name.
	NodeName string `json:"nodeName,omitempty"`
	// Zone is where the host can fail together with others: a rack, a room, a site. It becomes the label topology.kubernetes.io/zone.
	Zone string `json:"zone,omitempty"`
	// Labels are those of the node, besides those that Kubernetes gives.
	Labels map[string]string `json:"labels,omitempty"`
	// Taints are those of the node, besides the one that a control plane has unless it is also a worker.
	Taints  []corev1.Taint `json:"taints,omitempty"`
	Kubelet HostKubelet    `json:"kubelet,omitzero"`
}

// SSH is how to log in to a host. Agents and ~/.ssh/config are used as ssh does.
type SSH struct {
	// User is who to log in as: root, or one who may sudo without a password.
	User string `json:"user,omitempty"`
	// Port is where sshd listens.
	Port int `json:"port,omitempty"`
	// KeyFile is the path of the private key.
	KeyFile string `json:"keyFile,omitempty"`
	// HostKey is the public key that the host must have, such as `ssh-ed25519 AAAA...`, so that no first sight is trusted. Default: known_hosts.
	HostKey string `json:"hostKey,omitempty"`
	// Jump is a host to go through: the name of another in this file, or user@host:port.
	Jump string `json:"jump,omitempty"`
}

// HostKubelet is what is special about one host's kubelet.
type HostKubelet struct {
	// ExtraArgs are flags for the kubelet, without their dashes. They go before the cluster's own of the same name.
	ExtraArgs []config.Arg `json:"extraArgs,omitempty"`
}

// Kubelet is what all kubelets have in common.
type Kubelet struct {
	// Config is a KubeletConfiguration (kubelet.config.k8s.io/v1beta1), the same as kubeadm takes.
	Config json.RawMessage `json:"config,omitempty"`
	// ConfigFile is the path of a file that holds one.
	ConfigFile string `json:"configFile,omitempty"`
	// ExtraArgs are flags for every kubelet, without their dashes.
	ExtraArgs []config.Arg `json:"extraArgs,omitempty"`
}

// KubeProxy is the configuration of kube-proxy.
type KubeProxy struct {
	// Config is a KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), the same as kubeadm takes.
	Config json.RawMessage `json:"config,omitempty"`
	// ConfigFile is the path of a file that holds one.
	ConfigFile string `json:"configFile,omitempty"`
}

// Patches are changes of what is written, as kubeadm's patches.
type Patches struct {
	// Directory is the path of a folder of patches, whose files are named target[suffix][+type].yaml.
	Directory string `json:"directory,omitempty"`
}

// Addons are what is applied to the cluster after Keelway's own.
type Addons struct {
	// Manifests are paths of files, or of folders with files, of Kubernetes objects. They cannot be applied yet.
	Manifests []string `json:"manifests,omitempty"`
	// Helm are Helm charts. They cannot be installed yet.
	Helm []Chart `json:"helm,omitempty"`
}

// Chart is a Helm chart from the bundle or a file.
type Chart struct {
	// Name is the name of the release.
	Name string `json:"name"`
	// Namespace is where it is installed. Default: default.
	Namespace string `json:"namespace,omitempty"`
	// Chart is a chart's name in the bundle, or a path.
	Chart string `json:"chart"`
	// Version is the version of the chart. Default: the only one there is.
	Version string `json:"version,omitempty"`
	// Values are the chart's settings.
	Values json.RawMessage `json:"values,omitempty"`
}

// Hooks are programs that run on hosts around an apply. They cannot be run yet.
type Hooks struct {
	// BeforeApply are those that run before anything is changed.
	BeforeApply []Hook `json:"beforeApply,omitempty"`
	// AfterApply are those that run when nothing is left to do.
	AfterApply []Hook `json:"afterApply,omitempty"`
}

// Hook is one program with its arguments; no shell reads them.
type Hook struct {
	// Name says what it is for.
	Name string `json:"name"`
	// Hosts are the names of the hosts that it runs on. Default: all hosts.
	Hosts []string `json:"hosts,omitempty"`
	// Command is the program and its arguments.
	Command []string `json:"command"`
}

// Mirror is asked in the place of a registry.
type Mirror struct {
	// Registry is the host that images name, such as docker.io; "*" stands for every one.
	Registry string `json:"registry"`
	// Endpoints are the mirrors' URLs, asked in this order.
	Endpoints []string `json:"endpoints"`
}

// Proxies are what hosts need to reach the world, which nothing that Keelway installs needs. They cannot be set yet.
type Proxies struct {
	// HTTP is the URL of the proxy for http.
	HTTP string `json:"http,omitempty"`
	// HTTPS is the URL of the proxy for https.
	HTTPS string `json:"https,omitempty"`
	// NoProxy are hosts, domains and CIDRs that need none. The cluster's own ranges and hosts are always among them.
	NoProxy []string `json:"noProxy,omitempty"`
}
