package desired

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/desired/controlplane"
	"keelway.dev/keelway/internal/desired/etcd"
)

const (
	manifests = "/etc/kubernetes/manifests/"
	apiID     = "wait-control-plane/kube-apiserver"
	adminID   = "wait-control-plane/cluster-admins"
	servingID = "wait-control-plane/serving"
	rolesID   = "wait-control-plane/roles"
)

// manifest is a static pod's file; only root may read it, as kubeadm has it.
func (s *story) manifest(pod corev1.Pod, note string) File {
	patched(s, pod.Name, &pod)
	return File{
		Path: manifests + pod.Name + ".yaml", Mode: 0o600, Content: config.Marshal(pod),
		Readers: []string{"kubelet"}, Note: note,
	}
}

// readBy are the resources of the certificates that a component reads.
func (s *story) readBy(component string) []string {
	var ids []string
	for _, spec := range s.table() {
		if slices.Contains(spec.Readers, component) {
			ids = append(ids, "certs/"+spec.Name)
		}
	}
	return ids
}

func (s *story) etcd() {
	local := s.model.Cluster.Etcd.Local
	if local == nil {
		return
	}
	s.add(Resource{
		ID: "etcd/data", Component: "etcd", After: none(),
		What:  "make etcd's data folder",
		Why:   "Everything that the API holds lies here, and nowhere else.",
		Files: []File{dir(local.DataDir, 0o700, false, "the cluster's state", "etcd")},
	})
	s.add(Resource{
		ID: "etcd/local", Component: "etcd",
		After: append(s.readBy("etcd"), "etcd/data"),
		What:  "write etcd's static pod",
		Why:   "The API server keeps nothing itself: every object is a key in etcd. The kubelet starts this pod from its file as soon as it runs.",
		Files: []File{s.manifest(etcd.Pod(s.model, s.host), "etcd's flags, certificates and data folder")},
	})
}

func (s *story) apiserver() {
	after := append(s.readBy("kube-apiserver"), "certs/sa")
	for _, r := range s.resources {
		if r.Phase == "hardening" {
			after = append(after, r.ID)
		}
	}
	s.add(Resource{
		ID: "control-plane/apiserver", Component: "kube-apiserver", After: after,
		What:  "write the API server's static pod",
		Why:   "Every other component speaks with the API server only. It is a static pod because there is no API yet that could schedule it.",
		Files: []File{s.manifest(controlplane.APIServer(s.model, s.host), "the API server's flags and certificates")},
	})
}

func (s *story) waitAPI() {
	endpoint := s.host.Init.LocalAPIEndpoint
	s.add(Resource{
		ID: servingID, Component: "kube-apiserver", After: []string{"kubelet-start/kubelet"},
		What: "wait for the API server's port",
		Why:  "It has read etcd and its certificates, and takes requests while it still makes its own roles.",
		Wait: &Wait{
			Probe: ProbeServing, Target: "https://" + endpoint.HostPort() + "/livez",
			Seconds: int(s.host.Init.Timeouts.ControlPlaneComponentHealthCheck.Seconds()),
		},
	})
	s.add(Resource{
		ID: rolesID, Component: "kube-apiserver", After: []string{servingID},
		What: "wait for the controllers' roles",
		Why:  "The API server makes about a hundred roles, one after the other. The bindings come last, this one first of them: a controller manager that starts much earlier is refused, and asks again only seconds later.",
		Wait: &Wait{
			Probe: ProbeBinding, Target: "cluster-admin",
			Seconds: int(s.host.Init.Timeouts.ControlPlaneComponentHealthCheck.Seconds()),
		},
	})
	s.add(Resource{
		ID: apiID, Component: "kube-apiserver", After: []string{servingID},
		What: "wait for the API server",
		Why:  "It opens etcd, creates its own roles and namespaces, and answers /readyz when it is done.",
		Wait: &Wait{
			Probe: ProbeHealth, Target: "https://" + endpoint.HostPort() + "/readyz",
			Seconds: int(s.host.Init.Timeouts.ControlPlaneComponentHealthCheck.Seconds()),
		},
	})
	s.add(Resource{
		ID: adminID, Component: "kube-apiserver", After: []string{servingID},
		What: "make the holder of admin.conf an administrator",
		Why:  "admin.conf has no rights by itself: this binding gives them, so taking it away takes them back. super-admin.conf, which no binding limits, writes it.",
		Objects: []Object{
			{Object: access.ClusterAdmins(), Why: "give the group of admin.conf the role cluster-admin"},
		},
	})
}

// managers are written once the API knows their roles: started earlier, they
// would fail, and the kubelet or they themselves would wait before they try
// again.
func (s *story) managers() {
	s.add(Resource{
		ID: "control-plane/controller-manager", Component: "kube-controller-manager",
		After: append(s.readBy("kube-controller-manager"), "certs/sa", "kubeconfig/controller-manager", rolesID),
		What:  "write the controller manager's static pod",
		Why:   "It turns what you ask for into what is: a Deployment into pods, a Node into an address range, a request into a certificate.",
		Files: []File{s.manifest(controlplane.Manager(s.model, s.host), "the controller manager's flags and kubeconfig")},
	})
	s.add(Resource{
		ID: "control-plane/scheduler", Component: "kube-scheduler",
		After: []string{"kubeconfig/scheduler", rolesID},
		What:  "write the scheduler's static pod",
		Why:   "A pod that no node was chosen for never runs; the scheduler chooses.",
		Files: []File{s.manifest(controlplane.Scheduler(s.model, s.host), "the scheduler's flags and kubeconfig")},
	})
}
