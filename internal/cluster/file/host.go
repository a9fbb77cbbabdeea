package file

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	// SecondAddress is the node's address of the other family, in a cluster with IPv4 and IPv6 side by side. Its pods of the host's network and its node ports are reached there too.
	SecondAddress string `json:"secondAddress,omitempty"`
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

// Addons are what is applied to the cluster after Keelway's own, by server-side apply. What was applied and is named no more is pruned.
type Addons struct {
	// Manifests are paths of files, or of folders with files, of Kubernetes objects.
	Manifests []string `json:"manifests,omitempty"`
	// Helm are Helm charts. They are rendered as `helm template` does, and applied as manifests are.
	Helm []Chart `json:"helm,omitempty"`
}

// Chart is a Helm chart from a file or folder.
type Chart struct {
	// Name is the name of the release.
	Name string `json:"name"`
	// Namespace is where objects go that say no namespace. It must be there, or be among the manifests. Default: default.
	Namespace string `json:"namespace,omitempty"`
	// Chart is the path of the chart: a folder, or a .tgz. What it depends on must be in its folder charts/.
	Chart string `json:"chart"`
	// Version is what the chart's version must be. Default: any.
	Version string `json:"version,omitempty"`
	// Values are the chart's settings.
	Values json.RawMessage `json:"values,omitempty"`
	// ValuesFile is the path of a file that holds them.
	ValuesFile string `json:"valuesFile,omitempty"`
}

// Hooks are programs and scripts of your own that run on hosts, as root, in an apply that changes something. In each list they run in the order of the file; one that fails ends what it stands before or after.
type Hooks struct {
	// BeforeApply are those that run before anything is changed. One that fails ends the apply.
	BeforeApply []Hook `json:"beforeApply,omitempty"`
	// BeforeHost are those that run on a host before its first change of an apply. On a host where one fails nothing is changed.
	BeforeHost []Hook `json:"beforeHost,omitempty"`
	// AfterHost are those that run on a host when nothing is left to change there, once in an apply that changed it.
	AfterHost []Hook `json:"afterHost,omitempty"`
	// AfterApply are those that run when nothing is left to do anywhere.
	AfterApply []Hook `json:"afterApply,omitempty"`
}

// Hook is one program with its arguments, or a script. Both find the host's name in KEELWAY_HOST.
type Hook struct {
	// Name says what it is for.
	Name string `json:"name"`
	// Hosts are the names of the hosts that it runs on. Default: all hosts.
	Hosts []string `json:"hosts,omitempty"`
	// Roles are in the place of hosts: it runs on those that have one of these roles.
	Roles []Role `json:"roles,omitempty"`
	// Command is the program and its arguments; no shell reads them.
	Command []string `json:"command,omitempty"`
	// Script is in the place of a command: the host's /bin/sh reads it, and it is not left behind.
	Script string `json:"script,omitempty"`
	// ScriptFile is the path of a file that holds the script.
	ScriptFile string `json:"scriptFile,omitempty"`
	// Timeout is how long it may take. Default: 5m0s.
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// Mirror is asked in the place of a registry.
type Mirror struct {
	// Registry is the host that images name, such as docker.io; "*" stands for every one that has no mirror of its own.
	Registry string `json:"registry"`
	// Endpoints are the mirrors' URLs, asked in this order, and then the registry itself. One with /v2 in it is asked as it is, such as a project of Harbor.
	Endpoints []string `json:"endpoints"`
	// CA is the authority that signed the mirrors' certificates, in PEM. Default: those that the host trusts.
	CA string `json:"ca,omitempty"`
	// CAFile is the path of a file that holds it.
	CAFile string `json:"caFile,omitempty"`
}

// Proxies are what containerd and the control plane need to reach the world, which nothing that Keelway installs needs.
type Proxies struct {
	// HTTP is the URL of the proxy for http.
	HTTP string `json:"http,omitempty"`
	// HTTPS is the URL of the proxy for https.
	HTTPS string `json:"https,omitempty"`
	// NoProxy are hosts, domains and CIDRs that need none. The cluster's own ranges, domain and endpoint are always among them, and `network.nodes`, or else the address of every host.
	NoProxy []string `json:"noProxy,omitempty"`
}
