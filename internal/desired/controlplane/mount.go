package controlplane

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// hostCerts is where programs look for the world's certificate authorities.
const hostCerts = "/etc/ssl/certs"

// HostCAFolders are the folders that links in /etc/ssl/certs may lead to on
// some distributions. Those that exist on a host are mounted too.
func HostCAFolders() []string {
	return []string{
		"/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/ca-certificates",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	}
}

// certMounts are the PKI folder and the host's certificate authorities.
func certMounts(c config.ClusterConfiguration, h cluster.Host) []staticpod.Mount {
	mounts := []staticpod.Mount{
		{Name: "k8s-certs", Path: c.CertificatesDir, ReadOnly: true, Type: corev1.HostPathDirectoryOrCreate},
		{Name: "ca-certs", Path: hostCerts, ReadOnly: true, Type: corev1.HostPathDirectoryOrCreate},
	}
	for _, folder := range HostCAFolders() {
		if slices.Contains(h.Facts.CAFolders, folder) {
			mounts = append(mounts, staticpod.Mount{
				Name: strings.ReplaceAll(folder[1:], "/", "-"), Path: folder, ReadOnly: true, Type: corev1.HostPathDirectoryOrCreate,
			})
		}
	}
	return mounts
}

// mounted is true for a folder that certMounts cover; the optional ones count
// even where they are missing, as in kubeadm.
func mounted(folder, certificatesDir string) bool {
	return slices.ContainsFunc(append(HostCAFolders(), hostCerts, certificatesDir), func(m string) bool {
		return strings.HasPrefix(folder, m)
	})
}

func kubeconfigMount(path string) staticpod.Mount {
	return staticpod.Mount{Name: "kubeconfig", Path: path, ReadOnly: true, Type: corev1.HostPathFileOrCreate}
}
