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
	s.dropFolders()
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
	case "certs/folder", etcdFolderID:
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
