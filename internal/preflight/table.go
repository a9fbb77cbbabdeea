package preflight

import (
	"context"

	"keelway.dev/keelway/internal/preflight/machine"
	"keelway.dev/keelway/internal/preflight/network"
	"keelway.dev/keelway/internal/preflight/resident"
	"keelway.dev/keelway/internal/preflight/subject"
)

// Check is one named question about a host.
type Check struct {
	// Name is kubeadm's where kubeadm has the check. "Port-*" stands for a
	// family of names.
	Name string
	// Kubeadm is true where the name and the meaning are kubeadm's.
	Kubeadm bool
	// Severity is "error", "warning", or both where it depends.
	Severity string
	// What is looked at, Why it matters, and Fix is what to do about it.
	What, Why, Fix string

	run func(context.Context, *subject.Subject) ([]subject.Finding, error)
}

const (
	isError   = "error"
	isWarning = "warning"
	isEither  = "error or warning"
)

// Checks is the table of all checks, in the order of their findings: kubeadm's
// names first.
func Checks() []Check {
	return append(kubeadm(), own()...)
}

func kubeadm() []Check {
	return []Check{
		{"IsPrivilegedUser", true, isError, "the user is root", "Services, mounts and kernel settings are root's.", "run it with sudo, or as root", machine.Privileged},
		{"NumCPU", true, isError, "a control plane has 2 processors", "etcd, the API server and the kubelet starve each other on one.", "give the machine two processors or more", machine.CPU},
		{"Mem", true, isError, "a control plane has 1,700 MB of memory", "The kernel kills the API server under memory pressure.", "give the machine 2 GB of memory or more", machine.Memory},
		{"KubernetesVersion", true, isError, "a cluster that is there may become the wanted version", "etcd's data and the API cannot go back, nor skip a minor version.", "name the version that runs, or the next minor", resident.Version},
		{"Firewalld", true, isWarning, "firewalld and ufw are off", "They drop what pods send, and what other machines send to the API.", "switch the firewall off, or open the ports", network.Firewall},
		{"Port-*", true, isError, "every port of a component is free, or held by that component of this cluster", "The component would not start.", "stop the process that holds the port", network.Ports},
		{"FileAvailable-*", true, isError, "no manifest or kubelet.conf of another cluster is there", "Two clusters would share one kubelet and one etcd.", "remove the other cluster first", resident.Files},
		{"DirAvailable-*", true, isEither, "no etcd data without an etcd, no stray file among the static pods", "A new etcd would go on with the old data; the kubelet runs every file that it finds there.", "save or remove what is there", resident.Folders},
		{"HTTPProxy", true, isWarning, "no proxy stands between this host and its API", "Proxies do not know the cluster's addresses.", "add the address to NO_PROXY", network.Proxy},
		{"HTTPProxyCIDR", true, isWarning, "no proxy stands between the API server and pods or Services", "Webhooks and aggregated APIs would fail.", "add the ranges to NO_PROXY", network.ProxyRanges},
		{"CRI", true, isEither, "nobody else's runtime has the socket; a runtime that is brought along answers", "The kubelet talks to whoever serves the socket.", "stop the other runtime", resident.Runtime},
		{"Swap", true, isEither, "no swap is in use", "The kubelet does not start with it unless told to.", "run `swapoff -a`", machine.Swap},
		{"FileExisting-*", true, isError, "`mount` and `losetup` are in PATH", "The kubelet calls them for volumes.", "install the packages mount and util-linux", machine.Programs},
		{"SystemVerification", true, isEither, "the kernel's version and options, cgroup controllers, /dev/kmsg", "Containers and limits stand on them.", "use a distribution's current kernel", machine.System},
		{"Hostname", true, isEither, "the node name is a DNS name, and this host can resolve it", "The API refuses other names; an unknown one slows programs down.", "give another name with --node-name", network.Hostname},
		{"KubeletVersion", true, isError, "a kubelet that was brought along is 1.34 or newer, and no newer than the control plane", "The API server may not know what a newer kubelet asks for, nor answer an old one.", "install a kubelet of the control plane's version", resident.KubeletVersion},
		{"Service-kubelet", true, isWarning, "nothing else changes the kubelet's unit", "A package's drop-in also applies to the unit that Keelway installs.", "remove the drop-in", resident.Unit},
		{"FileContent-*", true, isEither, "packets are forwarded, or Keelway can switch that on, and nothing switches it off at boot", "Pods have no network without it.", "set it to 1", resident.Forwarding},
		{"ExternalEtcdVersion", true, isError, "an external etcd answers and is new enough", "The API server uses features of it.", "upgrade the external etcd, or correct its endpoints", resident.EtcdVersion},
		{"ExternalEtcdClientCertificates", true, isError, "the certificates for an external etcd are there", "The API server could not reach it.", "copy the files to this host", resident.EtcdFiles},
	}
}

func own() []Check {
	return []Check{
		{"Address", false, isError, "the advertise address is on this host, and of the service range's family", "etcd and the API server listen there.", "give another address with --apiserver-advertise-address", network.Address},
		{"NodeAddress", false, isWarning, "the node is registered with an address of each family that its pods have", "Pods of the host's network and node ports are reached there only; the kubelet takes one address unless told.", "name both in nodeRegistration.kubeletExtraArgs as node-ip", network.NodeAddress},
		{"SeveralNetworks", false, isWarning, "the host has one network, or an address was chosen", "Other machines must reach the address that is taken.", "choose with --apiserver-advertise-address", network.Several},
		{"RangesOverlap", false, isEither, "pod range, service range, the host's routes, addresses, name servers and the endpoint are apart", "kube-proxy drops traffic to every unused address of the service range, and flannel takes the pod range.", "choose another range", network.Ranges},
		{"CNI", false, isError, "no other pod network is configured or left behind", "containerd takes the first configuration by name; an old bridge keeps its old address.", "remove what is left of the other network", network.Plugin},
		{"DiskSpace", false, isEither, "room for the installation, and above the kubelet's eviction thresholds after it", "Below 15 % free for images or 10 % for volumes the kubelet evicts every pod.", "free space, or lower evictionHard", machine.Disk},
		{"Clock", false, isEither, "the clock agrees with the build time, the battery clock, files, certificates and the other machine", "Certificates would be not yet, or no longer, valid.", "set the clock: `timedatectl set-ntp true`, or `date --utc --set`", machine.Clock},
		{"CgroupVersion", false, isEither, "the host has cgroup v2", "v1 is deprecated; since 1.35 the kubelet refuses it unless told.", "boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false", machine.Cgroups},
		{"CgroupDriver", false, isEither, "kubelet, runtime and init system manage cgroups in one way", "Pods do not start, or are killed, when they disagree.", "use one driver for all", machine.CgroupDriver},
		{"Modules", false, isError, "overlay, veth, bridge, br_netfilter, vxlan, conntrack and the packet filter are in the kernel", "Images, pod networks and Services stand on them.", "load the module, or boot a kernel that has it", machine.Modules},
		{"Snapshotter", false, isError, "the store of images is not on overlayfs, NFS and the like", "overlayfs cannot lie on them.", "mount an ext4 or xfs folder at /var/lib/containerd", machine.Snapshotter},
		{"OtherCluster", false, isEither, "no k3s, RKE2, k0s, MicroK8s or minikube, and no Docker engine, is there", "They want the same ports, cgroups and packet filter.", "remove the other one", resident.Others},
		{"SELinux", false, isWarning, "SELinux is not enforcing", "Pods would be refused the host's files.", "run `setenforce 0`, and set SELINUX=permissive in /etc/selinux/config", machine.SELinux},
	}
}
