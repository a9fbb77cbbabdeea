package desired

import (
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired/kubelet"
)

// etcdFolderID is the folder of etcd's own certificates, which only the phases
// that write into it make.
const etcdFolderID = "certs/etcd-folder"

// initFolders are the folders that each phase makes.
func (s *story) initFolders() {
	pkiDir := s.model.Cluster.CertificatesDir
	folder := func(id, what string, files ...File) {
		s.add(Resource{
			ID: id, Component: "kubeadm", After: none(), What: "make the folder of " + what,
			Why: "The files of this phase lie there.", Files: files,
		})
	}
	kubernetes := dir("/etc/kubernetes", 0o755, true, "the control plane's configuration")
	certs := dir(pkiDir, 0o755, true, "keys and certificates")
	folder("certs/folder", "keys and certificates", kubernetes, certs)
	if s.model.Cluster.Etcd.Local != nil {
		folder(etcdFolderID, "etcd's keys and certificates", kubernetes, certs, dir(pkiDir+"/etcd", 0o755, true, "etcd's own keys and certificates"))
	}
	folder("kubeconfig/folder", "kubeconfig files", kubernetes)
	manifests := dir("/etc/kubernetes/manifests", 0o700, true, "static pods", "kubelet")
	folder("etcd/folder", "static pods", kubernetes, manifests)
	folder("control-plane/folder", "static pods", kubernetes, manifests)
	state := []File{dir(kubelet.Dir, 0o700, true, "the kubelet's state", "kubelet")}
	if s.finalAtOnce() {
		state = append(state, dir(kubelet.Dir+"/pki", 0o755, true, "the kubelet's own keys and certificates", "kubelet"))
	}
	folder("kubelet-start/folder", "the kubelet's state", state...)
}

// underFolders has every file wait for the folder of its phase.
func (s *story) underFolders() {
	have := map[string]bool{}
	for _, r := range s.resources {
		have[r.ID] = true
	}
	for i, r := range s.resources {
		folder := r.Phase + "/folder"
		if c := r.Certificate; c != nil && strings.HasPrefix(c.CertPath(), s.model.Cluster.CertificatesDir+"/etcd/") {
			folder = etcdFolderID
		}
		if !have[folder] || isFolder(r) || len(r.Paths()) == 0 {
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

// dropFolders leaves out the folders into which nothing is written, such as
// etcd's where the authority alone is made.
func (s *story) dropFolders() {
	used := map[string]bool{}
	for _, r := range s.resources {
		for _, id := range r.After {
			used[id] = true
		}
	}
	s.resources = slices.DeleteFunc(s.resources, func(r Resource) bool { return isFolder(r) && !used[r.ID] })
}

func isFolder(r Resource) bool { return strings.HasSuffix(r.ID, "folder") }
