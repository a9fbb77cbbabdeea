package check

import (
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config/check"
)

// kubeadm holds what becomes kubeadm's configuration to kubeadm's rules, and
// says what they find at the field of the cluster file.
func (l *list) kubeadm(c file.Cluster) {
	d, err := c.Documents()
	if err != nil {
		return // the shape of the embedded documents, which loading checks
	}
	problems := check.Cluster(&d.Cluster)
	if c.OwnEtcd() {
		// The endpoints are the hosts' own, which are checked with them; the
		// members are told as in a stacked etcd.
		d.Cluster.Etcd = d.Etcd
		problems = check.Cluster(&d.Cluster)
	}
	for _, p := range problems {
		path, ours := translate(p.Path)
		if ours && !strings.Contains(path, "extraArgs[") { // these are checked here already
			l.refuse(path, "", "%s", p.Message)
		}
	}
}

// translate finds the field of the cluster file that one of kubeadm's comes
// from. What is checked here by other words is left out.
func translate(path string) (string, bool) {
	for _, field := range []struct{ theirs, ours string }{
		{"kubernetesVersion", ""},
		{"controlPlaneEndpoint", ""},
		{"encryptionAlgorithm", "spec.certificates.algorithm"},
		{"certificateValidityPeriod", "spec.certificates.validity"},
		{"caCertificateValidityPeriod", "spec.certificates.caValidity"},
		{"networking.podSubnet", "spec.network.pods"},
		{"networking.serviceSubnet", "spec.network.services"},
		{"networking.dnsDomain", "spec.network.dnsDomain"},
		{"imageRepository", "spec.imageRepository"},
		{"apiServer.certSANs", "spec.certificates.extraSANs"},
		{"apiServer", "spec.apiServer"},
		{"controllerManager", "spec.controllerManager"},
		{"scheduler", "spec.scheduler"},
		{"etcd.external.httpEndpoints", ""}, // a copy of the endpoints
		{"etcd.external", "spec.etcd.external"},
		{"etcd.local", "spec.etcd"},
		{"etcd", "spec.etcd"},
	} {
		rest, found := strings.CutPrefix(path, field.theirs)
		if !found || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		return field.ours + rest, field.ours != ""
	}
	return "spec", true
}
