package desired

import (
	"fmt"

	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/desired/containerd"
)

// SelfPath is where the running program is installed.
const SelfPath = "/usr/local/bin/keelway"

func (s *story) self() {
	s.add(Resource{
		ID: "runtime/keelway", Component: "keelway", After: none(),
		What:  "install keelway itself",
		Why:   "Services run from it: the approver, and the built-in supervisor where no init system runs.",
		Files: []File{program(SelfPath, Self, "this program", "systemd", "you")},
	})
}

func (s *story) runtime() {
	s.self()
	s.add(Resource{
		ID: "runtime/programs", Component: "containerd", After: none(),
		What: "install the container runtime",
		Why:  "The kubelet runs nothing itself: it asks containerd to start containers, and containerd has runc make each of them.",
		Files: []File{
			dir("/usr/local/sbin", 0o755, true, "programs for the administrator"),
			program("/usr/local/bin/containerd", "containerd", "keeps images and containers, answers the kubelet over a socket", "systemd"),
			program("/usr/local/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2", "stands between containerd and one pod, so that containerd may restart", "containerd"),
			program("/usr/local/sbin/runc", "runc", "makes a container of namespaces and cgroups, then leaves", "containerd-shim-runc-v2"),
			program("/usr/local/bin/crictl", "crictl", "lets you look at containers when the API is down", "you"),
		},
	})
	s.add(Resource{
		ID: "runtime/config", Component: "containerd", After: none(),
		What: "configure the container runtime",
		Why:  "The cgroup driver must be the kubelet's, and the sandbox image one that is there without a network, or no pod starts.",
		Files: []File{
			dir("/etc/containerd", 0o755, false, "the runtime's configuration"),
			s.alike(containerd.ConfigFile, func() []byte { return containerd.Config(s.model, s.host) }, "cgroup driver, sandbox image, where CNI plugins lie", "containerd"),
			text(containerd.CrictlFile, containerd.Crictl(), "the socket that crictl asks", "crictl"),
			dir("/usr/lib/systemd/system", 0o755, true, "unit files of packages"),
			s.alike(containerd.UnitFile, func() []byte { return containerd.Unit(s.model, s.host) }, "how to keep containerd running; containers outlive its restart", "systemd"),
		},
	})
	after := []string{"runtime/keelway", "runtime/programs", "runtime/config"}
	reads := []string{containerd.ConfigFile, containerd.UnitFile, "/usr/local/bin/containerd"}
	if s.model.Registries.Kept {
		s.registries()
		after = append(after, registriesID)
	}
	if len(s.model.Registries.Proxy) > 0 {
		reads = append(reads, containerd.ProxyFile)
	}
	s.add(Resource{
		ID: "runtime/containerd", Component: "containerd",
		After:   after,
		What:    "start the container runtime",
		Why:     "Images are imported into it next, and the kubelet waits for its socket.",
		Service: &Service{Name: "containerd", Reads: reads},
	})
	s.runtimeReady()
}

func (s *story) runtimeReady() {
	s.add(Resource{
		ID: "runtime/ready", Component: "containerd",
		What: "wait for the container runtime",
		Why:  "Its socket must answer before anything can be imported.",
		Wait: &Wait{Probe: ProbeSocket, Target: containerd.Socket, Seconds: 60},
	})
}

func (s *story) images() {
	s.add(Resource{
		ID: "images/control-plane", Component: "containerd",
		After:  []string{"runtime/ready"},
		What:   "import the control plane's images",
		Why:    "The control plane runs in containers from these images. They come from the bundle: nothing is pulled from a registry.",
		Images: s.references(controlPlaneImages(s.model)...),
	})
	s.add(Resource{
		ID: "images/addons", Component: "containerd",
		What:   "import the addons' images",
		Why:    "The pod network, kube-proxy and CoreDNS are pods as well. They are needed later, so they are imported while the control plane starts.",
		Images: s.references(addonImages(s.model)...),
	})
}

func (s *story) references(names ...string) []Image {
	var list []Image
	for _, name := range names {
		list = append(list, Image{Reference: s.model.Image(name), Bundled: s.model.Bundled(name)})
	}
	return list
}

func (s *story) network() {
	files := []File{
		dir("/opt/cni", 0o755, true, "the pod network's programs"),
		dir(cni.BinDir, 0o755, true, "CNI plugins", "containerd"),
	}
	notes := map[string]string{
		"loopback":   "brings up lo in each pod",
		"flannel":    "reads this node's range from " + subnetFile + " and calls bridge with it",
		"bridge":     "connects a pod to the bridge cni0 with a veth pair",
		"host-local": "gives each pod an address of the node's range",
		"portmap":    "makes a container's hostPort work",
		"bandwidth":  "limits a pod's traffic, when the configuration names it",
	}
	for _, name := range cni.Plugins() {
		files = append(files, program(cni.BinDir+"/"+name, name, notes[name], "containerd"))
	}
	s.add(Resource{
		ID: "cni/plugins", Component: "cni", After: none(),
		What:  "install the CNI plugins",
		Why:   "containerd calls them to connect every pod to the network.",
		Files: files,
	})
	s.add(Resource{
		ID: "cni/config", Component: "cni", After: []string{"cni/plugins"},
		What: "configure the pod network",
		Why:  "The kubelet reports its node as not ready until containerd finds a network configuration. It is written before the kubelet starts, so the node is ready at once.",
		Files: []File{
			dir("/etc/cni", 0o755, true, "the pod network's configuration"),
			dir(cni.ConfDir, 0o755, true, "the first file by name counts", "containerd"),
			text(cni.ConfFile, []byte(cni.Config()), "which plugins to call for each pod, in which order", "containerd"),
		},
	})
	if module := s.host.Facts.BridgeModule; module != "" {
		s.add(Resource{
			ID: "sysctl/modules", Component: "kernel", After: none(),
			What: "have the kernel's bridge filter loaded at every boot",
			Why:  "It is a module here that nothing loads by itself; without it a pod that calls a Service is not answered by a pod on the same machine.",
			Files: []File{
				dir("/etc/modules-load.d", 0o755, true, "names of kernel modules", "systemd"),
				text("/etc/modules-load.d/keelway.conf", []byte(module+"\n"), "a module to load at boot", "systemd"),
			},
		})
	}
	s.sysctlNetwork()
}

func (s *story) sysctlNetwork() {
	settings := s.sysctls()
	lines := []byte("# Written by keelway: what pods need of the kernel's network, at every boot.\n")
	for _, one := range settings {
		lines = fmt.Appendf(lines, "%s = %s\n", one.Name, one.Value)
	}
	s.add(Resource{
		ID: "sysctl/file", Component: "kernel", After: none(),
		What: "have the kernel's settings made at every boot",
		Why:  "The pod network's plugin would make them again for the node's first pod, but a Service's node port is to be forwarded on a node without pods too.",
		Files: []File{
			dir("/etc/sysctl.d", 0o755, true, "settings of the kernel", "systemd"),
			text("/etc/sysctl.d/99-keelway.conf", lines, "settings to make at boot", "systemd"),
		},
	})
	s.add(Resource{
		ID: "sysctl/network", Component: "kernel", After: none(),
		What:    "let the kernel forward and filter pod traffic",
		Why:     "Pods reach other nodes and the world only through this machine, and a Service's address is rewritten by the kernel's packet filter.",
		Sysctls: settings,
	})
}

func (s *story) sysctls() []Sysctl {
	list := []Sysctl{{Name: "net.ipv4.ip_forward", Value: "1", Note: "pass packets between the pods and the network"}}
	six := s.model.IPv6()
	if six {
		list = append(list, Sysctl{Name: "net.ipv6.conf.all.forwarding", Value: "1", Note: "the same for IPv6"})
	}
	if s.host.Facts.BridgeNetfilter {
		list = append(list, Sysctl{
			Name: "net.bridge.bridge-nf-call-iptables", Value: "1", Module: s.host.Facts.BridgeModule,
			Note: "let the packet filter see traffic between two pods of this node, or a Service fails when both ends are here",
		})
		if six {
			list = append(list, Sysctl{Name: "net.bridge.bridge-nf-call-ip6tables", Value: "1", Module: s.host.Facts.BridgeModule, Note: "the same for IPv6"})
		}
	}
	return list
}
