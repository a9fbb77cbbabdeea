// Package kubelet writes the kubelet's configuration, flags and units as kubeadm and its Debian packages do.
package kubelet

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// Where the kubelet's files lie.
const (
	Dir          = "/var/lib/kubelet"
	ConfigFile   = Dir + "/config.yaml"
	InstanceFile = Dir + "/instance-config.yaml"
	FlagsFile    = Dir + "/kubeadm-flags.env"
	ClientFile   = Dir + "/pki/kubelet-client-current.pem"
	UnitFile     = "/usr/lib/systemd/system/kubelet.service"
	DropInDir    = "/usr/lib/systemd/system/kubelet.service.d"
	DropInFile   = DropInDir + "/10-kubeadm.conf"
)

// Config is the host's config.yaml: the cluster's configuration with the
// host's own part over it.
func Config(m *cluster.Model, h cluster.Host) []byte {
	k := m.Kubelet
	k.ContainerRuntimeEndpoint = h.Init.NodeRegistration.CRISocket
	return config.Marshal(k)
}

// Instance is the part that is the host's own; kubeadm keeps it apart so that
// an upgrade, which rewrites config.yaml from the cluster, does not lose it.
func Instance(h cluster.Host) []byte {
	return fmt.Appendf(nil, "containerRuntimeEndpoint: %q\n", h.Init.NodeRegistration.CRISocket)
}

// Flags is kubeadm-flags.env. A worker's taints are there before its first pod;
// a control plane's are set through the API, as kubeadm does.
func Flags(h cluster.Host) []byte {
	reg := h.Init.NodeRegistration
	var base []config.Arg
	name := reg.Name
	if override, ok := staticpod.Value(reg.KubeletExtraArgs, "hostname-override"); ok {
		name = override
	}
	if name != strings.ToLower(strings.TrimSpace(h.Facts.Hostname)) {
		base = append(base, config.Arg{Name: "hostname-override", Value: name})
	}
	if len(reg.Taints) > 0 && !h.Has(cluster.ControlPlane) {
		var taints []string
		for _, t := range reg.Taints {
			taints = append(taints, t.ToString())
		}
		base = append(base, config.Arg{Name: "register-with-taints", Value: strings.Join(taints, ",")})
	}
	args := staticpod.Flags(base, reg.KubeletExtraArgs)
	return fmt.Appendf(nil, "KUBELET_KUBEADM_ARGS=%q\n", strings.Join(args, " "))
}
