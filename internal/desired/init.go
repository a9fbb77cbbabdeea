package desired

import (
	"errors"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/pki"
)

// InitOptions are what `init` knows beside the model.
type InitOptions struct {
	// Run are the phases that run.
	Run phase.Selection
	// KubeconfigDir is where the kubeconfig files lie; "" is /etc/kubernetes.
	KubeconfigDir string
	// Upload, when set, stores the shared certificates in the cluster.
	Upload *Upload
}

// Init is what the phases of `init` make of the model's host of that index: the
// resources of `up`, without those that the machine has from elsewhere, and in
// the form in which kubeadm leaves them after each phase. The error names
// patches that do not fit.
func Init(m *cluster.Model, index int, o InitOptions) (Host, error) {
	s := &story{model: m, host: m.Hosts[index], run: o.Run}
	if !m.Theirs.Services {
		s.runtimeReady()
		if !m.Theirs.Images {
			s.images()
		}
		s.sysctlNetwork()
	}
	s.initFolders()
	s.certs()
	s.initKubeconfigs(o.KubeconfigDir)
	s.etcd()
	s.apiserver()
	s.kubelet()
	s.waitKubelet()
	s.waitAPI()
	s.managers()
	s.waitManagers()
	s.uploadConfig()
	s.uploadCerts(o.Upload)
	s.markControlPlane()
	s.bootstrapToken()
	s.finalize()
	if !m.Theirs.Network {
		s.flannel()
	}
	s.proxy()
	s.dns()
	if !m.Theirs.Network {
		s.initReady()
	}
	s.underFolders()
	s.resources = slices.DeleteFunc(s.resources, func(r Resource) bool { return !s.runs(r) })
	return Host{Name: s.host.Init.NodeRegistration.Name, Resources: s.resources}, errors.Join(s.errs...)
}

// runs says whether a resource belongs to a phase that runs.
func (s *story) runs(r Resource) bool {
	if s.model.Theirs.Services && (r.Service != nil || r.Wait != nil && r.Phase == "kubelet-start") {
		return false
	}
	return s.run.Any(phasesOf(r)...)
}

// phasesOf are the phases of `init` that a resource belongs to: the one of its
// own name, and those that cannot do without it when they are run by hand.
func phasesOf(r Resource) []string {
	switch r.ID {
	case "runtime/ready", "images/control-plane":
		return []string{"preflight", "kubelet-start"}
	case "sysctl/network":
		return []string{"kubelet-start"}
	case "images/addons":
		return []string{"preflight", "addon"}
	case "etcd/data", "etcd/folder":
		return []string{"etcd/local"}
	case "control-plane/folder":
		return []string{"control-plane"}
	case "certs/folder":
		return []string{"certs"}
	case "kubeconfig/folder":
		return []string{"kubeconfig"}
	case adminID:
		// kubeadm does it as soon as it first speaks to the API.
		return []string{"wait-control-plane", "upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "addon"}
	case "addon/coredns-config":
		return []string{"addon/coredns"}
	case rulesID:
		return []string{"addon/kube-proxy"}
	case networkID, "addon/flannel-ready", "addon/node-ready":
		return []string{"addon/flannel"}
	}
	switch r.Phase {
	case "kubelet-start", "wait-control-plane", "mark-control-plane", "bootstrap-token", "upload-certs":
		return []string{r.Phase}
	}
	return []string{r.ID}
}

// initFolders are the folders that each phase makes.
func (s *story) initFolders() {
	pkiDir := s.model.Cluster.CertificatesDir
	folder := func(id, what string, files ...File) {
		s.add(Resource{
			ID: id + "/folder", Component: "kubeadm", After: none(), What: "make the folder of " + what,
			Why: "The files of this phase lie there.", Files: files,
		})
	}
	kubernetes := dir("/etc/kubernetes", 0o755, true, "the control plane's configuration")
	certs := []File{kubernetes, dir(pkiDir, 0o755, true, "keys and certificates")}
	if s.model.Cluster.Etcd.Local != nil {
		certs = append(certs, dir(pkiDir+"/etcd", 0o755, true, "etcd's own keys and certificates"))
	}
	folder("certs", "keys and certificates", certs...)
	folder("kubeconfig", "kubeconfig files", kubernetes)
	manifests := dir("/etc/kubernetes/manifests", 0o700, true, "static pods", "kubelet")
	folder("etcd", "static pods", kubernetes, manifests)
	folder("control-plane", "static pods", kubernetes, manifests)
	state := []File{dir(kubelet.Dir, 0o700, true, "the kubelet's state", "kubelet")}
	if s.finalAtOnce() {
		state = append(state, dir(kubelet.Dir+"/pki", 0o755, true, "the kubelet's own keys and certificates", "kubelet"))
	}
	folder("kubelet-start", "the kubelet's state", state...)
}

// underFolders has every file wait for the folder of its phase.
func (s *story) underFolders() {
	have := map[string]bool{}
	for _, r := range s.resources {
		have[r.ID] = true
	}
	for i, r := range s.resources {
		folder := r.Phase + "/folder"
		if !have[folder] || r.ID == folder || len(r.Paths()) == 0 {
			continue
		}
		after := slices.DeleteFunc(slices.Clone(r.After), func(id string) bool { return id == "certs/folders" })
		after = append(after, folder)
		if r.Kubeconfig != nil && r.Kubeconfig.ClientFile != "" {
			after = append(after, "kubelet-start/folder")
		}
		s.resources[i].After = after
	}
}

// finalAtOnce is true when kubelet.conf gets the form at once that kubeadm gives
// it last: when both phases run, and its certificate can be issued here.
func (s *story) finalAtOnce() bool {
	return s.run.Has(rotationID) && s.run.Has("kubeconfig/kubelet") && !s.model.Theirs.Services && !s.model.Theirs.Authority && s.clientFile() == kubelet.ClientFile
}

// initKubeconfigs are kubeadm's. The kubelet's begins with a certificate inside
// and ends with a reference to the one that the kubelet renews.
func (s *story) initKubeconfigs(dir string) {
	s.kubeconfigsIn(dir, func(k *pki.Kubeconfig, name string) {
		switch {
		case name != "kubelet":
		case s.finalAtOnce():
			k.ClientFile = s.clientFile()
		default:
			k.OrClientFile = s.clientFile()
		}
	})
}
