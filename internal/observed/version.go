package observed

// Running is a program at a version; Node is "" where no node has it.
type Running struct {
	Component, Node, Version string
}

// Versions are what a cluster runs, as its API has it.
type Versions struct {
	// ControlPlane are the static pods of every control plane, by kubeadm's
	// names; Kubelets are the nodes', both sorted by node.
	ControlPlane, Kubelets []Running
	// Proxy and DNS are the image tags of the addons; "" where one is not there.
	Proxy, DNS string
	// NotReady are the control planes' nodes that are not ready.
	NotReady []string
	// ProxyConfig and KubeletConfig are the configurations in the cluster.
	ProxyConfig, KubeletConfig StoredConfig
}

// StoredConfig is a component's configuration in a ConfigMap of kubeadm's.
type StoredConfig struct {
	// APIVersion is "" where there is none.
	APIVersion string
	// Generated is true of one that nobody has changed since kubeadm made it.
	Generated bool
}

// Of are the programs of that name.
func (v Versions) Of(component string) []Running {
	var list []Running
	for _, r := range v.ControlPlane {
		if r.Component == component {
			list = append(list, r)
		}
	}
	return list
}
