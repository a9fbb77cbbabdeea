package desired

import (
	"errors"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/pki"
)

// JoinOptions are what a joining machine knows beside the model.
type JoinOptions struct {
	// Run are the phases that run.
	Run phase.Selection
	// CA is the cluster's authority, in PEM.
	CA []byte
	// Bootstrap is the kubeconfig with which the kubelet asks for its
	// certificate; nil where it has one, or this machine can issue it.
	Bootstrap []byte
	// Shared are the keys and certificates that all control planes share, by
	// their name in SharedFiles, as far as they are to be written here.
	Shared map[string][]byte
	// Initial is --initial-cluster of this machine's etcd member, "" until it is
	// there; Began says that it began with those, and was not added to them.
	Initial string
	Began   bool
	// Pods has the story end when pods with an address of their own can start here.
	Pods bool
	// Through are the client URLs of etcd members that are there already; none
	// are those that the API lists.
	Through []string
}

const (
	memberID        = "etcd-join/member"
	bootstrapConf   = "/etc/kubernetes/bootstrap-kubelet.conf"
	kubeletConf     = "/etc/kubernetes/kubelet.conf"
	bootstrapID     = "kubelet-start/bootstrap"
	preparePhase    = "control-plane-prepare"
	downloadPhase   = "download-certs"
	checkEtcdID     = "check-etcd/healthy"
	waitBootstrapID = "kubelet-wait-bootstrap/kubeconfig"
	registeredID    = "kubelet-wait-bootstrap/registered"
	podsID          = "kubelet-wait-bootstrap/network"
)

// Join is what the model's host of that index must hold to be part of a cluster
// that is there already, or that another begins at the same time (Host.Initial): a
// worker, or one more control plane. The error names patches that do not fit.
func Join(m *cluster.Model, index int, o JoinOptions) (Host, error) {
	s := &story{model: m, host: m.Hosts[index], run: o.Run, resources: make([]Resource, 0, 32)}
	main := s.host.Has(cluster.ControlPlane)
	// Where the key of the authority is at hand, the kubelet need not ask.
	asks := !main || m.Theirs.Authority
	s.balancerHost()
	s.joinRuntime(main)
	s.joinFolders(main)
	if main {
		s.download(o)
		s.joinCerts()
		s.joinKubeconfigs(!asks)
		if m.Profile == cluster.Hardened {
			s.hardening()
			// The key is shared: what another control plane has sealed must be readable here.
			s.resources = slices.DeleteFunc(s.resources, func(r Resource) bool { return r.ID == "hardening/encryption" })
		}
		switch {
		case s.host.Initial != "":
			s.etcd()
		case m.Cluster.Etcd.Local != nil:
			s.checkEtcd(o.Through...)
		}
	} else {
		s.add(Resource{
			ID: "kubelet-start/ca", Component: "kubelet", After: []string{"kubelet-start/folder"},
			What:  "write the cluster's certificate authority",
			Why:   "The kubelet believes the API server, and whoever calls it, by this authority only.",
			Files: []File{text(s.caPath(), o.CA, "the cluster's root of trust", "kubelet")},
		})
	}
	if o.Bootstrap != nil {
		s.bootstrap(o.Bootstrap)
	}
	s.balancer("kubelet-start/folder", "kubelet-start/ca")
	s.kubelet()
	s.waitKubelet()
	s.balancerReady("kubelet-start/kubelet")
	if main {
		if s.host.Initial != "" {
			s.etcdReady()
		} else {
			s.member(o.Through...)
			s.memberFlags(o)
		}
		s.apiserver()
		s.managers()
	}
	if asks {
		s.waitBootstrap()
	}
	if main {
		s.waitAPI()
		s.waitManagers()
		s.markControlPlane()
		if m.Profile == cluster.Hardened {
			s.approver()
		}
	} else {
		s.registered()
		s.markWorker()
	}
	if o.Pods {
		s.podsStart()
	}
	s.joinOrder(asks)
	s.resources = slices.DeleteFunc(s.resources, func(r Resource) bool { return !s.run.Any(joinPhase(r)...) })
	return Host{Name: s.host.Init.NodeRegistration.Name, Resources: s.resources}, errors.Join(s.errs...)
}

// joinRuntime is the runtime where it is Keelway's, with what a node runs first.
func (s *story) joinRuntime(main bool) {
	switch {
	case !s.model.Theirs.Runtime:
		s.runtime()
		s.network()
	default:
		s.runtimeReady()
		s.sysctlNetwork()
		if main && s.model.Profile == cluster.Hardened {
			s.self() // the approver runs from it
		}
	}
	if s.model.Theirs.Images {
		return
	}
	names := slices.DeleteFunc(addonImages(s.model), func(n string) bool { return n == "flannel" && s.model.Theirs.Network })
	if main {
		s.images()
		return
	}
	s.add(Resource{
		ID: "images/node", Component: "containerd", After: []string{"runtime/ready"},
		What:   "import the node's images",
		Why:    "Every node runs the pod network and kube-proxy in containers from these images. They come from the bundle: nothing is pulled from a registry.",
		Images: s.references(append(nodeImages(s.model), names...)...),
	})
}

// joinFolders are the folders that the files of a joining machine lie in.
func (s *story) joinFolders(main bool) {
	kubernetes := dir("/etc/kubernetes", 0o755, true, "the configuration of this node")
	manifests := dir("/etc/kubernetes/manifests", 0o700, true, "static pods", "kubelet")
	certs := dir(s.model.Cluster.CertificatesDir, 0o755, true, "keys and certificates")
	folder := func(id, what string, files ...File) {
		s.add(Resource{
			ID: id, Component: "kubeadm", After: none(), What: "make the folder of " + what,
			Why: "The files of this phase lie there.", Files: files,
		})
	}
	if main {
		files := []File{kubernetes, certs, manifests}
		if s.etcdCerts() {
			files = append(files, dir(s.model.Cluster.CertificatesDir+"/etcd", 0o755, true, "etcd's own keys and certificates"))
		}
		folder(preparePhase+"/folders", "keys, certificates and static pods", files...)
	}
	folder("kubelet-start/folder", "the kubelet's state", kubernetes, certs, manifests,
		dir(kubelet.Dir, 0o700, true, "the kubelet's state", "kubelet"),
		dir(kubelet.Dir+"/pki", 0o755, true, "the kubelet's own keys and certificates", "kubelet"))
}

// download writes the shared keys and certificates.
func (s *story) download(o JoinOptions) {
	var files []File
	for _, f := range Shared(s.model) {
		data := o.Shared[f.Name]
		if len(data) == 0 {
			continue
		}
		file := text(f.Path, data, "shared by all control planes")
		if !strings.HasSuffix(f.Path, ".crt") && !strings.HasSuffix(f.Path, ".pub") {
			file.Mode, file.Secret = 0o600, true
		}
		files = append(files, file)
	}
	files = keysFirst(files)
	if len(files) == 0 {
		return
	}
	s.add(Resource{
		ID: preparePhase + "/" + downloadPhase, Component: "kube-apiserver", After: []string{preparePhase + "/folders", "hardening/folders"},
		What:  "write the keys and certificates that all control planes share",
		Why:   "One authority signs for the whole cluster, and a service account's token must be valid at every API server.",
		Files: files,
	})
}

// keysFirst sorts files into the order in which they are written: an authority
// without its key is taken for one whose key is kept elsewhere (external CA), and
// an interrupted run must not leave what looks like that.
func keysFirst(files []File) []File {
	slices.SortStableFunc(files, func(a, b File) int {
		switch {
		case a.Secret == b.Secret:
			return 0
		case a.Secret:
			return -1
		}
		return 1
	})
	return files
}

// joinCerts are the certificates of this control plane; the authorities are shared.
func (s *story) joinCerts() {
	for _, spec := range s.table() {
		if spec.CA {
			continue
		}
		s.add(Resource{
			ID: "certs/" + spec.Name, Component: spec.Readers[0], After: []string{preparePhase + "/" + downloadPhase},
			What: issue(spec), Why: sentence(spec.Note), Certificate: &spec,
		})
	}
}

// joinKubeconfigs are those of a control plane that is not the first: the
// emergency key stays where it was made. A kubelet whose certificate can be
// issued here need not ask for it.
func (s *story) joinKubeconfigs(issueKubelet bool) {
	s.kubeconfigsIn("", func(k *pki.Kubeconfig, name string) {
		if name == "kubelet" {
			k.ClientFile = s.clientFile()
		}
	})
	s.resources = slices.DeleteFunc(s.resources, func(r Resource) bool {
		return r.ID == "kubeconfig/super-admin" || r.ID == "kubeconfig/kubelet" && !issueKubelet
	})
}

func (s *story) caPath() string { return s.model.Cluster.CertificatesDir + "/ca.crt" }
