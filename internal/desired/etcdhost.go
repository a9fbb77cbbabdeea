package desired

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/etcd"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/pki"
)

const (
	etcdCAID    = "certs/etcd-ca"
	etcdImageID = "images/etcd"
	etcdReadyID = "etcd/ready"
)

// EtcdOptions are what a host of etcd alone knows beside the model.
type EtcdOptions struct {
	// Authority is etcd's, in PEM by its name in Shared; nil on the host that
	// makes it.
	Authority map[string][]byte
	// Through are the client URLs of the members that are there already; none
	// for the first of all.
	Through []string
	// Initial is --initial-cluster of a member that has joined those; "" until
	// it has.
	Initial string
}

// Etcd is what the model's host of that index must hold when it is an etcd
// member and no node: kubeadm's own way, a kubelet that knows no API and runs
// the one static pod.
func Etcd(m *cluster.Model, index int, o EtcdOptions) Host {
	s := &story{model: m, host: m.Hosts[index]}
	s.runtime()
	s.add(Resource{
		ID: etcdImageID, Component: "containerd", After: []string{"runtime/ready"},
		What:   "import etcd's images",
		Why:    "The member runs in a container from them. They come from the bundle: nothing is pulled from a registry.",
		Images: s.references("pause", "etcd"),
	})
	s.folders()
	s.certs()
	s.aloneKubelet(len(o.Through) == 0)
	if len(o.Through) == 0 {
		s.etcd()
	} else {
		s.checkEtcd(o.Through...)
		s.member(o.Through...)
		if o.Initial != "" {
			pod, _ := etcd.Joining(m, s.host, o.Initial)
			s.localEtcd(pod)
		}
	}
	s.etcdReady()
	h := Host{Name: s.host.Init.NodeRegistration.Name, Resources: s.resources}
	if o.Authority != nil {
		h = h.WithEtcdAuthority(m, o.Authority)
	}
	return h
}

// localEtcd is the static pod of a member that has joined.
func (s *story) localEtcd(pod corev1.Pod) {
	s.add(Resource{
		ID: "etcd/local", Component: "etcd", After: []string{memberID},
		What:  "write etcd's static pod",
		Why:   "The member has joined; what its flags are is for the cluster file to say. The kubelet starts it anew when they change.",
		Files: []File{s.manifest(pod, "etcd's flags, certificates and data folder")},
	})
}

// etcdReady waits for the host's member.
func (s *story) etcdReady() {
	s.add(Resource{
		ID: etcdReadyID, Component: "etcd", After: []string{"kubelet-start/kubelet", "etcd/local", memberID},
		What: "wait for the etcd member",
		Why:  "It is ready once it has a leader, and what it stores is whole: what needs it begins only then, and the next member is touched only then, so that a majority runs at all times.",
		Wait: &Wait{Probe: ProbeStaticPod, Target: manifests + "etcd.yaml " + etcdHealth(s.model, s.host), Seconds: int(s.host.Init.Timeouts.ControlPlaneComponentHealthCheck.Seconds())},
	})
}

// EtcdHealth is where the etcd member of the model's host says whether it has a
// leader.
func EtcdHealth(m *cluster.Model, index int) string { return etcdHealth(m, m.Hosts[index]) }

func etcdHealth(m *cluster.Model, h cluster.Host) string {
	alive := probeURL(etcd.Pod(m, h), h)
	return strings.TrimSuffix(alive, "/livez") + "/readyz"
}

// WithEtcdAuthority is the story with etcd's authority written, which others
// have made, where it would be made.
func (h Host) WithEtcdAuthority(m *cluster.Model, authority map[string][]byte) Host {
	h.Resources = slices.Clone(h.Resources)
	i := slices.IndexFunc(h.Resources, func(r Resource) bool { return r.ID == etcdCAID && r.Certificate != nil })
	if i < 0 {
		return h
	}
	r := h.Resources[i]
	r.Certificate = nil
	r.What, r.Why = "write etcd's certificate authority", "One authority signs for etcd and for those who may open it. The first etcd host has made it."
	for _, f := range Shared(m) {
		if !strings.HasPrefix(f.Name, "etcd-ca.") || len(authority[f.Name]) == 0 {
			continue
		}
		file := text(f.Path, authority[f.Name], "etcd's own root of trust, the same on every host that needs it", "etcd", "kube-apiserver")
		if strings.HasSuffix(f.Path, ".key") {
			file.Mode, file.Secret = 0o600, true
		}
		r.Files = append(r.Files, file)
	}
	r.Files = keysFirst(r.Files)
	h.Resources[i] = r
	return h
}

// aloneKubelet is a kubelet that no API server tells what to run. The first
// member's pod is there before it starts; others are added once it runs.
func (s *story) aloneKubelet(first bool) {
	s.add(Resource{
		ID: "kubelet-start/programs", Component: "kubelet", After: none(),
		What: "install the kubelet",
		Why:  "It keeps etcd running, as on any node, and needs no API for that.",
		Files: []File{
			kubeletProgram(),
			text(kubelet.UnitFile, kubelet.Unit(), "how to keep the kubelet running, as in the Debian package", "systemd"),
			dir(kubelet.DropInDir, 0o755, true, "additions to the kubelet's unit"),
			text(kubelet.AloneFile, kubelet.Alone(s.model), "where the kubelet finds its configuration; it has no kubeconfig", "systemd"),
		},
	})
	s.add(Resource{
		ID: "kubelet-start/config", Component: "kubelet", After: []string{"certs/folders"},
		What: "configure the kubelet",
		Why:  "It reads static pods and answers nobody: this machine is no node.",
		Files: []File{
			text(kubelet.ConfigFile, kubelet.AloneConfig(s.model, s.host), "the folder of static pods, the runtime's socket, how cgroups are managed", "kubelet"),
		},
	})
	after := []string{"runtime/ready", etcdImageID, "kubelet-start/programs", "kubelet-start/config"}
	if first {
		after = append(after, "etcd/local")
	}
	s.add(Resource{
		ID: "kubelet-start/kubelet", Component: "kubelet", After: after,
		What:    "start the kubelet",
		Why:     "It finds etcd's file and starts it, now and after every boot.",
		Service: &Service{Name: "kubelet", Reads: []string{kubelet.ConfigFile, kubelet.UnitFile, kubelet.AloneFile, "/usr/bin/kubelet"}},
	})
}

// table are the certificates of this host: of etcd's own, those alone; and on a
// control plane that has no member, none of a member's.
func (s *story) table() []pki.Spec {
	all := pki.Table(PKI(s.model, s.host))
	switch {
	case s.host.Has(cluster.EtcdMember):
		return slices.DeleteFunc(all, func(c pki.Spec) bool { return !strings.HasPrefix(c.Base, "etcd/") })
	case s.model.OwnEtcd:
		return slices.DeleteFunc(all, func(c pki.Spec) bool { return c.Name == "etcd-server" || c.Name == "etcd-peer" })
	}
	return all
}

// etcdCerts is true where certificates of etcd's authority lie.
func (s *story) etcdCerts() bool { return s.model.Cluster.Etcd.Local != nil || s.model.OwnEtcd }
