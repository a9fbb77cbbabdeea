package check

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/cluster/file"
)

// hosts checks each host by itself, and that no two are the same.
func (l *list) hosts(c file.Cluster) {
	hosts := c.Spec.Hosts
	if len(hosts) == 0 {
		l.refuse("spec.hosts", "add a host with the role controlplane", "there is none")
		return
	}
	first := map[string]string{} // what is taken, and by whom
	unique := func(path, what, value, name string) bool {
		key := what + " " + value
		if other, taken := first[key]; taken && value != "" {
			l.refuse(path, "give each host its own", "the %s %s is that of %s too", what, value, other)
			return false
		}
		first[key] = name
		return true
	}
	for i, h := range hosts {
		who := h.Name
		if who == "" {
			who = fmt.Sprintf("host %d", i+1)
		}
		l.subdomain(at(i, "name"), h.Name)
		unique(at(i, "name"), "name", h.Name, fmt.Sprintf("host %d", i+1))
		l.address(i, h)
		// Behind one forwarding address, hosts differ by the port.
		if unique(at(i, "address"), "address", endpointOf(h), who) {
			unique(at(i, "nodeAddress"), "node address", h.NodeAddress, who)
		}
		if h.SecondAddress != "" {
			unique(at(i, "secondAddress"), "node address", h.SecondAddress, who)
		}
		if h.IsNode() {
			l.subdomain(at(i, "nodeName"), h.NodeName)
			if len(h.NodeName) > validation.LabelValueMaxLength {
				l.refuse(at(i, "nodeName"), "give a shorter nodeName", "%q has %d letters, and the label kubernetes.io/hostname has room for %d", h.NodeName, len(h.NodeName), validation.LabelValueMaxLength)
			}
			unique(at(i, "nodeName"), "node name", h.NodeName, who)
			l.labels(i, h)
			l.taints(i, h.Taints)
		} else if len(h.Labels)+len(h.Taints)+len(h.Kubelet.ExtraArgs) > 0 || h.NodeName != "" {
			l.refuse(at(i, ""), "give it the role controlplane or worker, or leave them out", "%s becomes no node, and can have no nodeName, labels, taints or kubelet", who)
		}
		if h.Zone != "" {
			for _, words := range validation.IsValidLabelValue(h.Zone) {
				l.refuse(at(i, "zone"), "", "%q: %s", h.Zone, words)
			}
		}
		l.args(at(i, "kubelet.extraArgs"), h.Kubelet.ExtraArgs)
		l.ssh(at(i, "ssh"), h.SSH, c.Spec.SSH)
	}
	if c.Spec.SSH != nil {
		l.ssh("spec.ssh", *c.Spec.SSH, nil)
		if c.Spec.SSH.HostKey != "" {
			l.refuse("spec.ssh.hostKey", "give each host its own, in spec.hosts[].ssh.hostKey", "hosts do not share a key")
		}
	}
	l.jumps(c)
}

func endpointOf(h file.Host) string {
	if h.SSH.Port == 0 || h.SSH.Port == 22 {
		return h.Address
	}
	return fmt.Sprintf("%s port %d", h.Address, h.SSH.Port)
}

// address checks where SSH and where the other hosts reach a host.
func (l *list) address(i int, h file.Host) {
	if h.Address == "" {
		l.refuse(at(i, "address"), "", "it is needed")
		return
	}
	field := "nodeAddress"
	if h.NodeAddress == h.Address {
		field = "address"
	} else if _, err := netip.ParseAddr(h.Address); err != nil {
		l.subdomain(at(i, "address"), h.Address)
	}
	a, err := netip.ParseAddr(h.NodeAddress)
	switch {
	case err != nil && field == "address":
		l.refuse(at(i, field), "give an IP address, or add nodeAddress if this is a DNS name for SSH", "%q is not an IP address", h.NodeAddress)
	case err != nil:
		l.refuse(at(i, field), "", "%q is not an IP address", h.NodeAddress)
	case !a.IsGlobalUnicast():
		l.refuse(at(i, field), "give the address of a network interface", "%s cannot be reached from other machines", a)
	case a.Zone() != "" || a.Is4In6():
		l.refuse(at(i, field), "write it plainly, as 192.0.2.10 or 2001:db8::10", "%s is not a host's address by itself", a)
	}
}

func (l *list) labels(i int, h file.Host) {
	path := at(i, "labels")
	for _, key := range slices.Sorted(maps.Keys(h.Labels)) {
		for _, words := range validation.IsQualifiedName(key) {
			l.refuse(path+"."+key, "", "%q: %s", key, words)
		}
		for _, words := range validation.IsValidLabelValue(h.Labels[key]) {
			l.refuse(path+"."+key, "", "%q: %s", h.Labels[key], words)
		}
		if key == "kubernetes.io/hostname" || key == corev1.LabelOSStable || key == corev1.LabelArchStable {
			l.refuse(path+"."+key, "leave it out", "the kubelet sets this label")
		}
		if key == file.ZoneLabel && h.Zone != "" && h.Labels[key] != h.Zone {
			l.refuse(path+"."+key, "keep zone alone", "it says %s, and zone says %s", h.Labels[key], h.Zone)
		}
	}
}

func (l *list) taints(i int, taints []corev1.Taint) {
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
	for n, t := range taints {
		path := fmt.Sprintf("%s[%d]", at(i, "taints"), n)
		for _, words := range validation.IsQualifiedName(t.Key) {
			l.refuse(path+".key", "", "%q: %s", t.Key, words)
		}
		for _, words := range validation.IsValidLabelValue(t.Value) {
			l.refuse(path+".value", "", "%q: %s", t.Value, words)
		}
		if !slices.Contains(effects, t.Effect) {
			l.refuse(path+".effect", "", "%q is none of NoSchedule, PreferNoSchedule, NoExecute", t.Effect)
		}
		if t.Key == "node-role.kubernetes.io/control-plane" {
			l.refuse(path, "leave it out: the role worker decides whether a control plane has it", "Keelway sets this taint")
		}
		if strings.HasPrefix(t.Key, "node.kubernetes.io/") {
			l.refuse(path+".key", "choose a key of your own", "%s is set and removed by Kubernetes", t.Key)
		}
	}
}
