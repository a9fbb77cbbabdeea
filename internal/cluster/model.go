// Package cluster is the model that the cluster file, kubeadm's config and the command line all become.
package cluster

import (
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/release"
)

// Profile chooses the defaults that go beyond kubeadm's.
type Profile string

// Hardened turns on encryption at rest, audit, strict kubelet certificates and
// the rest of docs/security.md; Kubeadm gives exactly kubeadm's defaults.
const (
	Hardened Profile = "hardened"
	Kubeadm  Profile = "kubeadm"
)

// Model is a whole cluster, defaulted and valid.
type Model struct {
	Release release.Release
	Profile Profile
	// Now is when the model was made; bootstrap tokens end that long after it.
	Now time.Time
	// Cluster is kubeadm's ClusterConfiguration with the profile's extra args,
	// volumes and algorithms already in it, so that kubeadm-config in the
	// cluster says everything that kubeadm needs to carry on.
	Cluster config.ClusterConfiguration
	Kubelet kubelet.KubeletConfiguration
	Proxy   kubeproxy.KubeProxyConfiguration
	// KubeletSupplied and ProxySupplied are true when the configuration is not
	// kubeadm's default: kubeadm then leaves its hash annotation off the
	// ConfigMap, which tells it not to regenerate it on upgrade.
	KubeletSupplied, ProxySupplied bool
	Tuning                         Tuning
	// Theirs is what the machines have from elsewhere.
	Theirs Theirs
	// Patcher holds the user's patches; nil is none.
	Patcher Patcher
	// Adapted are the settings that the machine made necessary.
	Adapted []Adaptation
	// Balancer is in front of the API servers.
	Balancer Balancer
	// Registries is how the runtime reaches registries.
	Registries Registries
	// OwnEtcd is true where the external etcd is Keelway's own, on hosts for it
	// alone: the control planes make their certificates for it themselves.
	OwnEtcd bool
	Hosts   []Host
	// texts are shared by the models of machines that are alike; nil is none.
	texts *sync.Map
}

// Tuning is what the hardened profile changes of kubeadm's addons for speed. A
// zero value leaves kubeadm's own.
type Tuning struct {
	// DNSReadinessPeriod is seconds between two readiness probes of CoreDNS.
	DNSReadinessPeriod int32
	// GOGC is how much garbage, in percent of what is in use, the Go programs
	// collect before they clean up; 0 is Go's own default of 100.
	GOGC int
	// DNSReplicas is how many CoreDNS pods there are; kubeadm has two.
	DNSReplicas int32
}

// Environment is what the tuning adds to a Go program's environment.
func (t Tuning) Environment() []config.EnvVar {
	if t.GOGC == 0 {
		return nil
	}
	return []config.EnvVar{{EnvVar: corev1.EnvVar{Name: "GOGC", Value: strconv.Itoa(t.GOGC)}}}
}

// UnitLines is the same for a systemd unit's [Service] section.
func (t Tuning) UnitLines() string {
	text := ""
	for _, v := range t.Environment() {
		text += "Environment=" + v.Name + "=" + v.Value + "\n"
	}
	return text
}

// Host is one machine of the cluster.
type Host struct {
	// Init is kubeadm's InitConfiguration for this host: its registration,
	// endpoint, tokens and timeouts.
	Init  config.InitConfiguration
	Roles []Role
	// Labels are those that the node gets beside Kubernetes' own.
	Labels map[string]string
	// Marked is true where the labels and taints are a cluster file's: those that
	// it gave before and no longer names are taken off.
	Marked bool
	// Initial is --initial-cluster of etcd's member, where etcd is made on several
	// machines at once, or was; "" is on this one alone.
	Initial string
	Facts   Facts
}

// Scarce says whether the kubelet's thresholds of free disk are to be lowered.
func (f Facts) Scarce() bool {
	if f.EvictionLowered != nil {
		return *f.EvictionLowered
	}
	return f.DiskFreePercent < scarceDisk
}

// Has says whether the host has a role.
func (h Host) Has(r Role) bool { return slices.Contains(h.Roles, r) }

// Role is what a host does.
type Role string

// The roles of the cluster file.
const (
	ControlPlane Role = "controlplane"
	Worker       Role = "worker"
	// EtcdMember is a host of etcd alone, and no node.
	EtcdMember Role = "etcd"
	// LoadBalancer is in front of the API servers; alone it makes no node.
	LoadBalancer Role = "loadbalancer"
)

// Facts are what a host cannot change and desired depends on. They are read
// before the model is made.
type Facts struct {
	Hostname string
	// Addresses are the global unicast addresses, the default route's first,
	// without those of links that a cluster makes itself (cni0, flannel.1).
	Addresses []string
	// CgroupVersion is 1 or 2.
	CgroupVersion int
	// OOMScoreAdjustable is false without CAP_SYS_RESOURCE: runc cannot lower a score then.
	OOMScoreAdjustable bool
	// NFTables is true where kube-proxy's nftables mode works.
	NFTables bool
	// BridgeNetfilter is true where traffic over bridges can be filtered;
	// BridgeModule is the module to load for it, "" where it is built in.
	BridgeNetfilter bool
	BridgeModule    string
	// ConntrackWritable is false in a nested network namespace.
	ConntrackWritable bool
	// SystemdResolved is true where it runs, and the kubelet must read its upstream resolv.conf.
	SystemdResolved bool
	// Systemd is true where it is the running init system.
	Systemd bool
	// NoNameservers is true where the resolv.conf that pods inherit names none.
	NoNameservers bool
	// CAFolders are those of kubeadm's optional host CA folders that exist.
	CAFolders []string
	// Interface is the name of the link that carries Addresses[0]; MTU its size in bytes.
	Interface string
	MTU       int
	// DiskFreePercent is of the file system below /var/lib.
	DiskFreePercent float64
	// EvictionLowered is what the kubelet's configuration that is there says of
	// its eviction thresholds, nil where there is none. It stays: the free disk
	// changes from day to day, and no kubelet is restarted for that.
	EvictionLowered *bool
	// ProxyEnvironment holds the variables ending in _proxy, in any case, that
	// are set where the command runs; kubeadm hands them to all but etcd.
	ProxyEnvironment []config.EnvVar
}
