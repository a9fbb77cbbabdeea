package verify

import (
	"context"

	"keelway.dev/keelway/internal/verify/listen"
	"keelway.dev/keelway/internal/verify/node"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/store"
	"keelway.dev/keelway/internal/verify/subject"
	"keelway.dev/keelway/internal/verify/traffic"
)

// Check is one named question about a cluster.
type Check struct {
	// Name is stable: scripts and JUnit reports know it.
	Name string
	// What is looked at, Why it matters, and Fix is what to do about it where
	// a finding has no better advice of its own.
	What, Why, Fix string

	run func(context.Context, *subject.Subject) (result.Outcome, error)
}

// Checks is the table of all checks, in the order in which a person asks: is
// everything there, does traffic flow, can it be looked into, is it safe.
func Checks() []Check {
	return []Check{
		{"Machines", "every machine of the cluster file can be read", "What cannot be reached cannot be mended either.", "start the machine, or correct its address and key in the file", node.Machines},
		{"Nodes", "every node is Ready, without pressure on memory, disk or processes", "Nothing new runs on a node that is not.", "run `keelway diagnose` on the node: it says why the kubelet is not ready", node.Nodes},
		{"Versions", "API servers, controllers, kubelets and kube-proxies are of versions that go together", "Upstream tests and supports a certain skew only: a kubelet is never newer than the API server, and at most three minors older.", "upgrade the control plane first, then the nodes: `keelway upgrade plan`", node.Versions},
		{"Ranges", "pod range, service range and the nodes' addresses are apart; each node's part is its own", "An address that is in two ranges goes to one of them only.", "choose other ranges: they cannot be changed in a running cluster", node.Ranges},
		{"Clocks", "the clocks of all nodes agree, by the heartbeats of their kubelets", "Certificates, tokens and etcd's leases are judged by each node's own clock.", "let chrony or systemd-timesyncd keep the time on every node: `timedatectl set-ntp true`", node.Clocks},

		{"PodStart", "a pod starts on every node, in the pods' network and in the host's", "The runtime, the network plugin and the image store work only if this does.", "run `keelway diagnose` on the node", traffic.PodStart},
		{"PodToPod", "a pod on every node reaches a pod on every node, both ways, and it is the right one", "One missing route or a firewall between two nodes breaks only some connections, which nobody finds later.", "open UDP port 8472 (flannel's VXLAN) between the two nodes, and look at `keelway kubectl -n kube-flannel get pods -o wide`", traffic.PodToPod},
		{"PodToService", "a pod on every node reaches a Service by its address", "kube-proxy programs this on each node by itself.", "look at the node's kube-proxy: `keelway kubectl -n kube-system get pods -o wide -l k8s-app=kube-proxy`", traffic.PodToService},
		{"DNS", "a pod on every node resolves a Service's name and reaches it", "Programs find each other by name.", "look at CoreDNS: `keelway kubectl -n kube-system get pods -o wide -l k8s-app=kube-dns`, and at its logs", traffic.DNS},
		{"NodePort", "every node answers at a Service's node port, asked from another node", "Load balancers outside the cluster send their traffic there.", "open the ports 30000 to 32767 on the node, and look at its kube-proxy", traffic.NodePort},
		{"Endpoint", "every node reaches the API by the cluster's endpoint, and trusts it", "Kubelets and kube-proxies live on this connection.", "look at the load balancer or the DNS name of the endpoint, from the node itself", traffic.Endpoint},

		{"Logs", "the logs of a pod on every node can be read through the API server", "The API server reaches every kubelet, and is known to it.", "open TCP port 10250 of the node to the control planes", traffic.Logs},
		{"Exec", "a command runs in a pod on every node through the API server", "exec, attach and port-forward take this way.", "open TCP port 10250 of the node to the control planes", traffic.Exec},

		{"Certificates", "every listener (API server, etcd, kubelet) shows the certificate that kubeadm's table has for it", "A client refuses a name, an authority or a date that is wrong; a restart may bring one that is on the disk already.", "see `keelway certs check-expiration`, and renew with `keelway certs renew`", listen.Certificates},
		{"FileModes", "keys, certificates, kubeconfigs, manifests and folders have kubeadm's modes and belong to root", "Whoever reads a key or admin.conf owns the cluster.", "set the mode with chmod, or run `keelway up` or `keelway apply` again", node.FileModes},
		{"Etcd", "every etcd member answers, has a vote, knows the same leader and has no alarm", "The cluster is as safe as the majority of its members.", "look at the member's static pod: `crictl ps -a --name etcd` and `crictl logs` on its host", store.Health},
		{"EtcdConsistency", "every etcd member stores the same, by the hash of all keys at one revision", "A member that differs gives other answers, depending on who is asked.", "remove the member that differs and add it again: it copies the leader's store", store.Consistency},
		{"Encryption", "a Secret written through every API server is encrypted in etcd's raw bytes", "Backups and disks of etcd hold every password otherwise.", "give every API server --encryption-provider-config with a provider before identity", store.Encryption},
	}
}
