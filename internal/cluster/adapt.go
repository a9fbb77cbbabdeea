package cluster

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/config"
)

// Theirs is what a machine has from elsewhere, or its owner sees to. The zero
// value is a machine that Keelway sets up whole, as `up` does.
type Theirs struct {
	// Runtime is the container runtime, with its configuration and unit.
	Runtime bool
	// Kubelet is the kubelet's program and unit.
	Kubelet bool
	// Network is the pod network: its CNI plugins, configuration and pods.
	Network bool
	// Images are those of the control plane and the addons: they are not
	// imported, and the runtime pulls them where they are missing.
	Images bool
	// Authority is the key of the cluster's authority: the owner signs elsewhere.
	Authority bool
	// CgroupDriver is the runtime's, "cgroupfs" or "systemd"; "" when it does not say.
	CgroupDriver string
	// Services is true of a tree that is no running machine: nothing is
	// started, waited for or set in a kernel.
	Services bool
}

// Patcher changes what is written as a user's patches say.
type Patcher interface {
	// Patch returns an object as YAML or JSON after the patches for a target,
	// such as "etcd" or "kubeletconfiguration"; it returns nil where there are none.
	Patch(target string, object []byte) ([]byte, error)
}

// Adaptation is a setting that was made because the machine could not run the
// cluster with kubeadm's own default.
type Adaptation struct {
	Setting, Why string
}

// adapt fills kubeadm's defaults, and changes of them only what this machine
// could not run with and the user has not set. Each change is in Adapted.
func (m *Model) adapt() error {
	h := m.Hosts[0]
	k, f := &m.Kubelet, h.Facts
	if f.CgroupVersion == 1 && k.FailCgroupV1 == nil {
		no := false
		k.FailCgroupV1 = &no
		m.adapted(&m.KubeletSupplied, "KubeletConfiguration.failCgroupV1: false", "this machine has cgroup v1, with which the kubelet does not start otherwise")
	}
	if k.CgroupDriver == "" {
		m.followRuntime("systemd")
	}
	if (f.DiskFreePercent > 0 || f.EvictionLowered != nil) && f.Scarce() && k.EvictionHard == nil {
		lowerEviction(k)
		m.adapted(&m.KubeletSupplied, "KubeletConfiguration.evictionHard: 1Gi of disk, 100Mi of memory", fmt.Sprintf("of the disk %.0f %% is free, and below 15 %% the kubelet evicts every pod; once it is set it stays", f.DiskFreePercent))
	}
	if c := &m.Proxy.Conntrack; !f.ConntrackWritable && !m.Cluster.Proxy.Disabled && c.MaxPerCore == nil && c.Min == nil {
		zero := int32(0)
		c.MaxPerCore, c.Min = &zero, &zero
		m.adapted(&m.ProxySupplied, "KubeProxyConfiguration.conntrack: {maxPerCore: 0, min: 0}", "conntrack's limits cannot be set in this network namespace, and kube-proxy ends when it fails to")
	}
	if err := config.DefaultKubelet(k, m.Cluster); err != nil {
		return err
	}
	config.DefaultProxy(&m.Proxy, m.Cluster, h.Init.LocalAPIEndpoint)
	if f.SystemdResolved && k.ResolverConfig == nil {
		path := SystemdResolvConf
		k.ResolverConfig = &path
	}
	return nil
}

// followRuntime gives the kubelet the runtime's cgroup driver where it differs.
func (m *Model) followRuntime(have string) {
	if theirs := m.Theirs.CgroupDriver; theirs != "" && theirs != have {
		m.Kubelet.CgroupDriver = theirs
		m.adapted(&m.KubeletSupplied, "KubeletConfiguration.cgroupDriver: "+theirs, "the container runtime of this machine uses it, and pods are killed where the two differ")
	}
}

// adapted notes a change; kubeadm does not mark what is not its own default.
func (m *Model) adapted(supplied *bool, setting, why string) {
	m.Adapted = append(m.Adapted, Adaptation{setting, why})
	*supplied = true
}

// checkConfig lists what in a loaded configuration cannot be on this machine.
// What cannot be anywhere is for package config to find.
func checkConfig(m *Model) error {
	var problems []error
	init := m.Hosts[0].Init
	for _, words := range validation.IsDNS1123Subdomain(init.NodeRegistration.Name) {
		problems = append(problems, fmt.Errorf("node name %q: %s", init.NodeRegistration.Name, words))
	}
	address, err := netip.ParseAddr(init.LocalAPIEndpoint.AdvertiseAddress)
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("localAPIEndpoint.advertiseAddress %q is not an IP address", init.LocalAPIEndpoint.AdvertiseAddress))
	case address.IsLoopback() || !address.IsGlobalUnicast():
		problems = append(problems, fmt.Errorf("localAPIEndpoint.advertiseAddress %s cannot be reached from other machines: give the address of a network interface", address))
	}
	if port := init.LocalAPIEndpoint.BindPort; port < 1 || port > 65535 {
		problems = append(problems, fmt.Errorf("localAPIEndpoint.bindPort %d is not between 1 and 65535", port))
	}
	if _, err := config.Subnets(m.Cluster.Networking.ServiceSubnet); err != nil {
		problems = append(problems, fmt.Errorf("networking.serviceSubnet: %w", err))
	} else if _, err := m.Cluster.Networking.ServiceAddress(10); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// checkCertificateKey refuses what is no AES-256 key in hex. It never repeats the key.
func checkCertificateKey(text string) error {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != 32 {
		return errors.New("certificateKey is not the hex form of 32 bytes: make one with `keelway certs certificate-key`")
	}
	return nil
}
