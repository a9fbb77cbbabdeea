package desired

import (
	"io/fs"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/phase"
)

// Self is the binary name that stands for the running program itself.
const Self = "keelway"

// none is the After of a resource that stands on nothing.
func none() []string { return []string{} }

// story collects a host's resources in the order in which they are told.
type story struct {
	model     *cluster.Model
	host      cluster.Host
	resources []Resource
	// run are the phases of init that run.
	run phase.Selection
	// errs are patches that do not fit; `init` looks at them before it begins.
	errs []error
}

// For is what the model's host of that index must hold. It reads as the story
// of a control plane: the runtime, who may trust whom, the processes, then what
// the API holds.
func For(m *cluster.Model, index int) Host {
	if m.Theirs.Runtime {
		// `init` made it: the same story, with what the machine had left out.
		all, _ := phase.Select(phase.Init(), nil, nil)
		h, _ := Init(m, index, InitOptions{Run: all})
		return h
	}
	s := &story{model: m, host: m.Hosts[index]}
	if s.host.Has(cluster.EtcdMember) {
		return Etcd(m, index, EtcdOptions{})
	}
	s.balancerHost()
	s.runtime()
	s.images()
	s.network()
	s.folders()
	s.certs()
	s.kubeconfigs()
	if m.Profile == cluster.Hardened {
		s.hardening()
	}
	s.etcd()
	s.apiserver()
	s.balancer("certs/folders", "certs/ca")
	s.kubelet()
	s.waitAPI()
	s.balancerReady(apiID)
	s.managers()
	s.uploadConfig()
	s.markControlPlane()
	s.bootstrapToken()
	if m.Profile == cluster.Hardened {
		s.approver()
	}
	s.flannel()
	s.proxy()
	s.dns()
	s.ready()
	return Host{Name: s.host.Init.NodeRegistration.Name, Resources: s.resources}
}

// add tells one more resource; the first part of its ID is its phase.
func (s *story) add(r Resource) {
	r.Phase, _, _ = strings.Cut(r.ID, "/")
	s.resources = append(s.resources, r)
}

// dir is a folder; shared says that others may use it too.
func dir(path string, mode fs.FileMode, shared bool, note string, readers ...string) File {
	return File{Path: path, Mode: fs.ModeDir | mode, Shared: shared, Note: note, Readers: readers}
}

// program is a binary of the bundle.
func program(path, binary, note string, readers ...string) File {
	return File{Path: path, Mode: 0o755, Binary: binary, Note: note, Readers: readers}
}

// text is a file that everybody may read.
func text(path string, content []byte, note string, readers ...string) File {
	return File{Path: path, Mode: 0o644, Content: content, Note: note, Readers: readers}
}
