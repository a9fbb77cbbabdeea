package desired

import "keelway.dev/keelway/internal/desired/haproxy"

// ResidueKind is a kind of thing that a running cluster leaves on a host
// beside the files that Keelway wrote.
type ResidueKind string

// The kinds, in the order in which they have to go.
const (
	ResidueServices ResidueKind = "services" // Targets are unit names
	ResiduePods     ResidueKind = "pods"     // every sandbox in the runtime; Targets are those that were seen
	ResidueProcess  ResidueKind = "process"  // what pods left running; Targets are "pid name", as they were seen
	ResidueMounts   ResidueKind = "mounts"   // Targets are mount points
	ResidueLinks    ResidueKind = "links"    // Targets are link names
	ResidueNetwork  ResidueKind = "network"  // Targets are names of links and paths, of a pod network without pods
	ResidueChains   ResidueKind = "chains"   // Targets are chains of iptables, "program table chain"
	ResidueTables   ResidueKind = "tables"   // Targets are nftables tables, "family name"
	ResidueRules    ResidueKind = "rules"    // Targets are nftables chains, "family table chain", with the rules that lead there
	ResidueStatic   ResidueKind = "static"   // Targets are paths of static pods to remove, and to wait until they have ended
	ResidueCgroups  ResidueKind = "cgroups"  // Targets are cgroup folders
	ResidueSysctls  ResidueKind = "sysctls"  // Targets are "name=value" to give back
	ResidueRestore  ResidueKind = "restore"  // Targets are paths to give back as they were
	ResiduePaths    ResidueKind = "paths"    // Targets are paths to remove, whole
	ResidueEmpty    ResidueKind = "empty"    // Targets are folders to remove if they are empty
	ResidueDaemon   ResidueKind = "daemon"   // the built-in supervisor itself
)

// Residue is one group of leftovers.
type Residue struct {
	Kind    ResidueKind
	Targets []string
}

// Leave takes an etcd member out of its cluster and then marks its data as
// given up, so that a later run knows it though nobody can be asked any more.
type Leave struct {
	// Member is removed through the endpoints of others; 0 for none.
	Member  uint64
	Through []string
	// Certs is the folder of etcd's certificates, Mark the file that is written.
	Certs, Mark string
}

// ReleaseMark is the name of the mark in the folder of etcd's data.
const ReleaseMark = "keelway-released"

// The inventory of what components leave behind. Each line names its maker.

// ServicesToStop lists the units to stop, in order. The runtime's comes later:
// it has to stop the pods first.
func ServicesToStop() []string { return []string{"keelway-approver", "kubelet", haproxy.Name} }

// RuntimeService is the unit of the container runtime.
const RuntimeService = "containerd"

// MountPrefixes lists where a cluster's mount points lie.
func MountPrefixes() []string {
	return []string{
		"/var/lib/kubelet", // volumes of pods: tmpfs of tokens and Secrets
		"/run/containerd",  // root file systems and shm of containers
		"/var/lib/containerd",
		"/run/netns/cni-", // network namespaces of pods
	}
}

// PodBridge is the link that the bridge plugin connects a host's pods with.
const PodBridge = "cni0"

// PodLinks lists the network links of the pod network.
func PodLinks() []string {
	return []string{
		PodBridge,
		"flannel.1",    // flanneld's VXLAN
		"flannel-v6.1", // the same for IPv6
	}
}

// RuleTables lists the nftables tables, kube-proxy's and flanneld's.
func RuleTables() []string {
	return []string{"ip kube-proxy", "ip6 kube-proxy", "ip flannel-ipv4", "ip6 flannel-ipv6"}
}

// KubeletChains lists the chains of iptables that the kubelet makes where it
// finds that program, by their tables, and the built-in chains that jump there.
// kube-proxy and flannel have nftables tables of their own.
func KubeletChains() map[string][]string {
	const canary = "KUBE-KUBELET-CANARY"
	return map[string][]string{
		"mangle": {"KUBE-IPTABLES-HINT", canary},
		"nat":    {canary},
		"filter": {"KUBE-FIREWALL", canary},
	}
}

// ProxyLink is the link that kube-proxy makes in its ipvs mode.
const ProxyLink = "kube-ipvs0"

// ChainPrefixes begin the names of the chains that the kubelet and kube-proxy,
// and flannel, make in the tables of iptables.
func ChainPrefixes() []string { return []string{"KUBE-", "FLANNEL-"} }

// PodCgroups lists the cgroups that the kubelet makes, in every controller; the
// second is what it has systemd make where that is the cgroup driver.
func PodCgroups() []string { return []string{"kubepods", "kubepods.slice"} }

// FilledFolders lists folders that components fill while they run.
func FilledFolders() []string {
	return []string{
		"/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/containerd", "/run/containerd",
		"/var/lib/cni", "/run/flannel", "/var/log/pods", "/var/log/containers", "/var/log/kubernetes",
		"/var/lib/keelway-haproxy", "/run/keelway", "/var/log/keelway", "/opt/containerd",
		"/run/xtables.lock", "/usr/libexec/kubernetes", // made for kube-proxy's and the controller manager's volumes
	}
}

// MadeFolders lists folders of everybody's that components make where they are
// missing. They go when they are empty.
func MadeFolders() []string {
	return append([]string{
		"/etc/cni", "/etc/cni/net.d", // containerd's, when it starts
		"/run/netns", // containerd's, for the first pod
	}, VolumeFolders()...)
}

// VolumeFolders lists folders of everybody's that the kubelet and containerd
// make, with what leads to them, where a pod's volume names one that is missing.
func VolumeFolders() []string {
	return []string{
		"/lib/modules",            // for kube-proxy
		"/usr/libexec/kubernetes", // for the controller manager's FlexVolume drivers
	}
}

// TouchedSysctls lists the kernel settings that Keelway or a component changes;
// what they were is written down before the first change.
func TouchedSysctls() []string {
	return []string{
		"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables",
		// The kubelet's, at every start:
		"vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops",
		"kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes",
		// kube-proxy's:
		"net.ipv4.conf.all.route_localnet", "net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_tcp_be_liberal",
		"net.netfilter.nf_conntrack_tcp_timeout_established", "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
		"net.netfilter.nf_conntrack_udp_timeout", "net.netfilter.nf_conntrack_udp_timeout_stream",
		"net.ipv4.conf.all.arp_announce", "net.ipv4.conf.all.arp_ignore",
	}
}
