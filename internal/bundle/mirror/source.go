package mirror

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"keelway.dev/keelway/internal/release"
)

// Source is a file that upstream publishes, and the programs in it.
type Source struct {
	// Component is release's name.
	Component string
	// Host and Path are upstream's URL; a mirror has it at <mirror>/<host><path>.
	Host, Path string
	// Checksum is the path of the file with its sha256: the bare number, or
	// lines of numbers and names as sha256sum writes them.
	Checksum string
	// Members maps a program's name to its path in the archive. A file that is
	// the program itself has one member with an empty path.
	Members map[string]string
}

// Sources lists what upstream publishes of a release for this architecture, at
// the addresses that the projects' own release pages name.
func Sources(r release.Release) []Source {
	arch := runtime.GOARCH
	plain := func(v string) string { return strings.TrimPrefix(v, "v") }
	github := func(project, version, file string) string {
		return fmt.Sprintf("/%s/releases/download/%s/%s", project, version, file)
	}
	var list []Source
	for _, name := range []string{"kubelet", "kubectl"} {
		file := fmt.Sprintf("/release/%s/bin/linux/%s/%s", r.Kubernetes, arch, name)
		list = append(list, Source{
			Component: "kubernetes", Host: "dl.k8s.io", Path: file, Checksum: file + ".sha256",
			Members: map[string]string{name: ""},
		})
	}
	etcd := fmt.Sprintf("etcd-%s-linux-%s", r.Etcd, arch)
	containerd := github("containerd/containerd", r.Containerd, fmt.Sprintf("containerd-%s-linux-%s.tar.gz", plain(r.Containerd), arch))
	crictl := github("kubernetes-sigs/cri-tools", r.Crictl, fmt.Sprintf("crictl-%s-linux-%s.tar.gz", r.Crictl, arch))
	list = append(list,
		Source{
			Component: "etcd", Host: "github.com", Path: github("etcd-io/etcd", r.Etcd, etcd+".tar.gz"),
			Checksum: github("etcd-io/etcd", r.Etcd, "SHA256SUMS"),
			Members:  map[string]string{"etcdctl": etcd + "/etcdctl", "etcdutl": etcd + "/etcdutl"},
		},
		Source{
			Component: "containerd", Host: "github.com", Path: containerd, Checksum: containerd + ".sha256sum",
			Members: map[string]string{"containerd": "bin/containerd", "containerd-shim-runc-v2": "bin/containerd-shim-runc-v2"},
		},
		Source{
			Component: "runc", Host: "github.com", Path: github("opencontainers/runc", r.Runc, "runc."+arch),
			Checksum: github("opencontainers/runc", r.Runc, "runc.sha256sum"), Members: map[string]string{"runc": ""},
		},
		Source{
			Component: "crictl", Host: "github.com", Path: crictl, Checksum: crictl + ".sha256",
			Members: map[string]string{"crictl": "crictl"},
		},
		plugins("cni-plugins", r.CNI, "bridge", "host-local", "loopback", "portmap", "bandwidth"),
		plugins("flannel-cni-plugin", r.FlannelCNI, "flannel"),
	)
	return list
}

func plugins(component, version string, names ...string) Source {
	file := fmt.Sprintf("/containernetworking/plugins/releases/download/%s/cni-plugins-linux-%s-%s.tgz", version, runtime.GOARCH, version)
	s := Source{Component: component, Host: "github.com", Path: file, Checksum: file + ".sha256", Members: map[string]string{}}
	for _, name := range names {
		s.Members[name] = name
	}
	return s
}

// address is where a mirror has a path of an upstream host.
func address(mirror, host, file string) string {
	if mirror == Upstream {
		return "https://" + host + file
	}
	return strings.TrimSuffix(mirror, "/") + "/" + host + file
}

// parseChecksum finds the sha256 of a file in a text that is the bare number or
// has a line for each file.
func parseChecksum(text, file string) (string, error) {
	for _, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || len(fields[0]) != 64 {
			continue
		}
		if len(fields) == 1 || path.Base(strings.TrimPrefix(fields[1], "*")) == path.Base(file) {
			return strings.ToLower(fields[0]), nil
		}
	}
	return "", fmt.Errorf("has no sha256 of %s", path.Base(file))
}
