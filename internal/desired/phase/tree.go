package phase

// Init are the phases of `init`, in order, with kubeadm's names and aliases.
func Init() []Phase {
	return []Phase{
		{Name: "preflight", Short: "Check the machine, and get the control plane's images"},
		{Name: "certs", Short: "Make keys and certificates", Phases: certs()},
		{Name: "kubeconfig", Short: "Write the kubeconfig files of components and administrators", Phases: []Phase{
			{Name: "admin", Short: "Write admin.conf, the administrator's"},
			{Name: "super-admin", Short: "Write super-admin.conf, the emergency key"},
			{Name: "kubelet", Short: "Write kubelet.conf, with which this machine's kubelet begins"},
			{Name: "controller-manager", Short: "Write controller-manager.conf"},
			{Name: "scheduler", Short: "Write scheduler.conf"},
		}},
		{Name: "etcd", Short: "Write etcd's static pod", Phases: []Phase{
			{Name: "local", Short: "Write the static pod of a local, single member"},
		}},
		{Name: "control-plane", Short: "Write the static pods of the control plane", Phases: []Phase{
			{Name: "apiserver", Short: "Write the API server's static pod"},
			{Name: "controller-manager", Short: "Write the controller manager's static pod"},
			{Name: "scheduler", Short: "Write the scheduler's static pod"},
		}},
		{Name: "kubelet-start", Short: "Write the kubelet's settings and start it"},
		{Name: "wait-control-plane", Short: "Wait for the control plane"},
		{Name: "upload-config", Aliases: []string{"uploadconfig"}, Short: "Store the configuration in the cluster", Phases: []Phase{
			{Name: "kubeadm", Short: "Store the ClusterConfiguration in a ConfigMap"},
			{Name: "kubelet", Short: "Store the KubeletConfiguration in a ConfigMap"},
		}},
		{Name: "upload-certs", Short: "Store the shared certificates, sealed (only with --upload-certs)"},
		{Name: "mark-control-plane", Short: "Label and taint the node as a control plane"},
		{Name: "bootstrap-token", Aliases: []string{"bootstraptoken"}, Short: "Make the token with which machines join"},
		{Name: "kubelet-finalize", Short: "Settle the kubelet after its TLS bootstrap", Phases: []Phase{
			{Name: "enable-client-cert-rotation", Short: "Point kubelet.conf at the certificate that the kubelet renews"},
		}},
		{Name: "addon", Short: "Install the addons that conformance needs", Phases: []Phase{
			{Name: "coredns", Short: "Install CoreDNS"},
			{Name: "kube-proxy", Short: "Install kube-proxy"},
			{Name: "flannel", Own: true, Short: "Install the pod network flannel, where Keelway's CNI plugins are"},
		}},
		{Name: "show-join-command", Short: "Show the commands with which other machines join", Needs: []string{"bootstrap-token", "upload-certs"}},
	}
}

func certs() []Phase {
	return []Phase{
		{Name: "ca", Short: "Make the cluster's certificate authority"},
		{Name: "apiserver", Short: "Issue the API server's serving certificate"},
		{Name: "apiserver-kubelet-client", Short: "Issue the API server's certificate towards kubelets"},
		{Name: "front-proxy-ca", Short: "Make the authority of the front proxy"},
		{Name: "front-proxy-client", Short: "Issue the front proxy's client certificate"},
		{Name: "etcd-ca", Short: "Make etcd's certificate authority"},
		{Name: "etcd-server", Short: "Issue etcd's serving certificate"},
		{Name: "etcd-peer", Short: "Issue the certificate between etcd's members"},
		{Name: "etcd-healthcheck-client", Short: "Issue the certificate of etcd's health checks"},
		{Name: "apiserver-etcd-client", Short: "Issue the API server's certificate towards etcd"},
		{Name: "sa", Short: "Make the key pair that signs service account tokens"},
	}
}

// Join are the phases of `join`, in order. All but preflight, kubelet-start and
// kubelet-wait-bootstrap are for control planes.
func Join() []Phase {
	return []Phase{
		{Name: "preflight", Short: "Check the machine, and have the node's images in the runtime"},
		{Name: "control-plane-prepare", Short: "Prepare the machine for a control plane", Phases: []Phase{
			{Name: "download-certs", Short: "Take the shared certificates from the Secret kubeadm-certs"},
			{Name: "certs", Short: "Issue the certificates of this control plane"},
			{Name: "kubeconfig", Short: "Write the kubeconfig files of the control plane and its administrator"},
			{Name: "control-plane", Short: "Write the static pods of the control plane"},
		}},
		{Name: "check-etcd", Short: "Check that the cluster's etcd is healthy"},
		{Name: "kubelet-start", Short: "Write the kubelet's settings and start it"},
		{Name: "etcd-join", Short: "Add an etcd member on this machine"},
		{Name: "kubelet-wait-bootstrap", Short: "Wait for the kubelet to get its certificate from the cluster"},
		{Name: "control-plane-join", Short: "Make the machine a control plane of the cluster", Phases: []Phase{
			{Name: "mark-control-plane", Short: "Label and taint the node as a control plane"},
		}},
		{Name: "wait-control-plane", Short: "Wait for the control plane"},
	}
}

// Reset are the phases of `reset`, in order.
func Reset() []Phase {
	return []Phase{
		{Name: "preflight", Aliases: []string{"pre-flight"}, Short: "Ask, and check that it can be done"},
		{Name: "remove-etcd-member", Short: "Take this machine's etcd member out of its cluster"},
		{Name: "cleanup-node", Aliases: []string{"cleanupnode"}, Short: "Stop the kubelet and its pods, and remove what they and kubeadm made"},
	}
}

// All is the name with which a phase that has parts is called for all of them,
// as in `init phase certs all`.
const All = "all"
