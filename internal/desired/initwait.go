package desired

import (
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/controlplane"
	"keelway.dev/keelway/internal/desired/flannel"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/staticpod"
)

const rotationID = "kubelet-finalize/enable-client-cert-rotation"

// waitKubelet waits for the kubelet's own health, as kubeadm does first.
func (s *story) waitKubelet() {
	k := s.model.Kubelet
	if k.HealthzPort == nil || *k.HealthzPort == 0 {
		return // switched off by the user
	}
	s.add(Resource{
		ID: "wait-control-plane/kubelet", Component: "kubelet", After: []string{"kubelet-start/kubelet"},
		What: "wait for the kubelet",
		Why:  "It reads its configuration and speaks with the runtime first; if either fails, nothing is started at all.",
		Wait: &Wait{
			Probe: ProbeHealth, Target: "http://" + net.JoinHostPort(k.HealthzBindAddress, strconv.Itoa(int(*k.HealthzPort))) + "/healthz",
			Seconds: int(s.host.Init.Timeouts.KubeletHealthCheck.Seconds()),
		},
	})
}

// waitManagers waits for the other two components of the control plane.
func (s *story) waitManagers() {
	wait := func(id, component string, pod corev1.Pod, words string) {
		s.add(Resource{
			ID: "wait-control-plane/" + component, Component: component, After: []string{id, servingID},
			What: "wait for the " + words,
			Why:  "It is healthy once it has its certificate, its rights and a connection to the API.",
			Wait: &Wait{
				Probe: ProbeHealth, Target: probeURL(pod, s.host),
				Seconds: int(s.host.Init.Timeouts.ControlPlaneComponentHealthCheck.Seconds()),
			},
		})
	}
	manager, scheduler := controlplane.Manager(s.model, s.host), controlplane.Scheduler(s.model, s.host)
	patched(s, manager.Name, &manager)
	patched(s, scheduler.Name, &scheduler)
	wait("control-plane/controller-manager", "kube-controller-manager", manager, "controller manager")
	wait("control-plane/scheduler", "kube-scheduler", scheduler, "scheduler")
}

// probeURL is what a static pod's liveness probe asks.
func probeURL(pod corev1.Pod, h cluster.Host) string {
	c := pod.Spec.Containers[0]
	if c.LivenessProbe == nil || c.LivenessProbe.HTTPGet == nil {
		return ""
	}
	get := c.LivenessProbe.HTTPGet
	host, port := get.Host, get.Port.IntValue()
	if host == "" {
		host = h.Init.LocalAPIEndpoint.Loopback()
	}
	for _, p := range c.Ports {
		if p.Name == get.Port.StrVal {
			port = int(p.ContainerPort)
		}
	}
	return strings.ToLower(string(get.Scheme)) + "://" + net.JoinHostPort(host, strconv.Itoa(port)) + get.Path
}

// clientFile is the kubelet's own certificate, which it renews.
func (s *story) clientFile() string {
	if dir, ok := staticpod.Value(s.host.Init.NodeRegistration.KubeletExtraArgs, "cert-dir"); ok {
		return dir + "/kubelet-client-current.pem"
	}
	return kubelet.ClientFile
}

// finalize points kubelet.conf at the certificate that the kubelet renews.
func (s *story) finalize() {
	after := []string{"kubelet-start/kubelet", servingID}
	if !s.model.Theirs.Services && !s.finalAtOnce() {
		s.add(Resource{
			ID: "kubelet-finalize/certificate", Component: "kubelet", After: after,
			What: "wait for the kubelet's own copy of its certificate",
			Why:  "The kubelet writes it when it starts, and renews it there.",
			Wait: &Wait{Probe: ProbeFile, Target: s.clientFile(), Seconds: 60},
		})
		after = []string{"kubelet-finalize/certificate"}
	}
	s.add(Resource{
		ID: rotationID, Component: "kubelet", After: after,
		What:     "point kubelet.conf at the certificate that the kubelet renews",
		Why:      "A certificate inside kubelet.conf would be used until it expires, and the renewed one never.",
		Rotation: &Rotation{Kubeconfig: "/etc/kubernetes/kubelet.conf", ClientFile: s.clientFile()},
	})
}

// initReady are the waits for the pod network, where it is Keelway's.
func (s *story) initReady() {
	s.add(Resource{
		ID: "addon/node-ready", Component: "kubelet", After: []string{"addon/flannel"},
		What: "wait for the node to be ready",
		Why:  "The scheduler places ordinary pods on ready nodes only.",
		Wait: &Wait{Probe: ProbeNodeReady, Target: s.host.Init.NodeRegistration.Name, Seconds: 180},
	})
	s.add(Resource{
		ID: "addon/flannel-ready", Component: "flannel", After: []string{"addon/flannel"},
		What: "wait for flannel's pod",
		Why:  "It keeps the routes to other nodes up to date.",
		Wait: &Wait{Probe: ProbeDaemonSet, Target: flannel.Namespace + "/kube-flannel-ds", Seconds: 180},
	})
}
