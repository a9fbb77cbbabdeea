package desired

import (
	"io/fs"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/kubelet"
)

// kubeletProgram is the same program as the control plane's, which lies in
// their image: linked to it, all of them share its pages in memory.
func kubeletProgram() File {
	f := program("/usr/bin/kubelet", "kubelet", "runs this machine's pods", "systemd")
	f.Twin = &Twin{Dir: "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots", Below: "fs/usr/local/bin/kube"}
	return f
}

func (s *story) kubelet() {
	const component = "kubelet"
	if !s.model.Theirs.Kubelet {
		s.kubeletPrograms()
	}
	s.add(Resource{
		ID: "kubelet-start/config", Component: component, After: []string{"certs/folders"},
		What: "configure the kubelet",
		Why:  "The kubelet must know the cluster's DNS address, which certificate authority its callers' certificates come from, and how this machine's cgroups are managed.",
		Files: []File{
			text(kubelet.FlagsFile, kubelet.Flags(s.host), "flags that only this node has", "systemd"),
			text(kubelet.InstanceFile, kubelet.Instance(s.host), "settings that only this node has; an upgrade keeps them", "kubeadm"),
			s.alike(kubelet.ConfigFile, s.kubeletConfig, "the cluster's kubelet settings with this node's over them", component),
		},
	})
	s.add(Resource{
		ID: "kubelet-start/network", Component: "cni", After: none(),
		What:    "remove what an earlier cluster left of its pod network",
		Why:     "The bridge has an address of that cluster's range of pods, which the bridge plugin does not change, and until flannel runs the plugin reads the old range: no pod would start. Both go only where neither the kubelet nor a pod runs; they are made anew.",
		Residue: &Residue{Kind: ResidueNetwork, Targets: []string{PodBridge, subnetFile}},
	})
	after := []string{
		"runtime/ready", "images/control-plane", "cni/config", "kubelet-start/network", "sysctl/network",
		"kubeconfig/kubelet", "kubelet-start/programs", "kubelet-start/config",
	}
	if s.model.Cluster.Etcd.Local != nil {
		after = append(after, "etcd/local")
	}
	if s.hasBalancer() {
		after = append(after, balancerPodID)
	}
	why := "It finds the static pods' files and starts etcd and the API server. The images and files are there first, because a pod that fails to start is tried again only after a pause that grows."
	if !s.host.Has(cluster.ControlPlane) {
		why = "It asks the cluster for its certificate, registers the node, and runs what the scheduler places here. The images and files are there first, because a pod that fails to start is tried again only after a pause that grows."
	}
	s.add(Resource{
		ID: "kubelet-start/kubelet", Component: component,
		After: append(after, "control-plane/apiserver"),
		What:  "start the kubelet",
		Why:   why,
		Service: &Service{Name: "kubelet", Reads: []string{
			kubelet.ConfigFile, kubelet.FlagsFile, kubelet.UnitFile, kubelet.DropInFile, "/usr/bin/kubelet", "/etc/kubernetes/kubelet.conf",
		}, Node: "mark-control-plane/registered"},
	})
}

func (s *story) kubeletPrograms() {
	const component = "kubelet"
	s.add(Resource{
		ID: "kubelet-start/programs", Component: component, After: []string{"images/control-plane"},
		What: "install the kubelet and kubectl",
		Why:  "The kubelet is the one Kubernetes component that runs on the host itself: it starts all others in containers.",
		Files: []File{
			kubeletProgram(),
			{Path: "/usr/bin/kubectl", Mode: fs.ModeSymlink | 0o777, Link: "kubelet", Note: "the same program as the kubelet, called by another name", Readers: []string{"you"}},
			text(kubelet.UnitFile, kubelet.Unit(), "how to keep the kubelet running, as in the Debian package", "systemd"),
			dir(kubelet.DropInDir, 0o755, true, "additions to the kubelet's unit"),
			text(kubelet.DropInFile, kubelet.DropIn(), "where the kubelet finds its kubeconfig, configuration and flags", "systemd"),
		},
	})
	if s.model.Profile == cluster.Hardened {
		programs := &s.resources[len(s.resources)-1]
		programs.Files = append(programs.Files, text(kubelet.TuningFile, kubelet.Tuning(s.model), "what Keelway adds to the kubelet's environment", "systemd"))
	}
}
