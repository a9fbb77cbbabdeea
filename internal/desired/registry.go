package desired

import (
	"path"

	"keelway.dev/keelway/internal/desired/containerd"
)

const registriesID = "runtime/registries"

// registries are the proxies and mirrors by which the runtime pulls images. The
// folder holds nothing else: what a cluster file says no more is gone.
func (s *story) registries() {
	r := s.model.Registries
	top := dir(containerd.RegistryDir, 0o755, false, "how registries are reached; empty where the cluster file names no proxy and no mirror")
	top.Holds = []string{}
	files := []File{dir("/etc/containerd", 0o755, false, "the runtime's configuration")}
	var below []File
	if len(r.Proxy) > 0 {
		top.Holds = append(top.Holds, containerd.ProxyName)
		below = append(below, File{
			Path: containerd.ProxyFile, Mode: 0o600, Content: containerd.Proxy(r), Secret: true, Readers: []string{"systemd"},
			Note: "the proxies of containerd's environment; a proxy's URL may hold a password",
		})
	}
	if len(r.Mirrors) > 0 {
		top.Holds = append(top.Holds, containerd.MirrorName)
		mirrors := dir(containerd.MirrorDir, 0o755, false, "a folder for each registry that has mirrors", "containerd")
		mirrors.Holds = []string{}
		var each []File
		for _, m := range r.Mirrors {
			folder := dir(containerd.MirrorFolder(m), 0o755, false, "the mirrors of "+m.Registry, "containerd")
			folder.Holds = []string{containerd.HostsName}
			mirrors.Holds = append(mirrors.Holds, path.Base(folder.Path))
			hosts := text(folder.Path+"/"+containerd.HostsName, containerd.Hosts(m), "who is asked for images of "+m.Registry+", in which order", "containerd")
			if m.CA == "" {
				each = append(each, folder, hosts)
				continue
			}
			folder.Holds = append(folder.Holds, containerd.CAName)
			each = append(each, folder, hosts, text(folder.Path+"/"+containerd.CAName, []byte(m.CA), "the authority that the mirrors' certificates are checked by", "containerd"))
		}
		below = append(append(below, mirrors), each...)
	}
	s.add(Resource{
		ID: registriesID, Component: "containerd", After: none(),
		What:  "say how the runtime reaches registries",
		Why:   "Images that are not in the bundle come from registries: through the cluster file's proxies, and from its mirrors. What it names no more must not count any more.",
		Files: append(append(files, top), below...),
	})
}
