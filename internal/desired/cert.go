package desired

import (
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/hardening"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/pki"
)

// PKI is what the certificates and kubeconfigs of the host depend on.
func PKI(m *cluster.Model, h cluster.Host) pki.Input {
	c := m.Cluster
	in := pki.Input{
		Dir:                  c.CertificatesDir,
		NodeName:             h.Init.NodeRegistration.Name,
		AdvertiseAddress:     h.Init.LocalAPIEndpoint.AdvertiseAddress,
		BindPort:             h.Init.LocalAPIEndpoint.BindPort,
		ServiceSubnets:       strings.Split(c.Networking.ServiceSubnet, ","),
		DNSDomain:            c.Networking.DNSDomain,
		ClusterName:          c.ClusterName,
		ControlPlaneEndpoint: c.ControlPlaneEndpoint,
		APIServerSANs:        c.APIServer.CertSANs,
		Algorithm:            pki.Algorithm(c.EncryptionAlgorithm),
		Validity:             c.CertificateValidityPeriod.Duration,
		CAValidity:           c.CACertificateValidityPeriod.Duration,
		ExternalEtcd:         c.Etcd.External != nil && !m.OwnEtcd,
	}
	if l := c.Etcd.Local; l != nil {
		in.EtcdServerSANs, in.EtcdPeerSANs = l.ServerCertSANs, l.PeerCertSANs
	}
	return in
}

func (s *story) folders() {
	pkiDir := s.model.Cluster.CertificatesDir
	files := []File{dir("/etc/kubernetes", 0o755, false, "the control plane's configuration")}
	if pkiDir != config.DefaultCertificatesDir {
		// Only the folder itself is ours; a parent of the user's choice is the user's.
		files = append(files, dir(pkiDir, 0o755, true, "keys and certificates"))
	} else {
		files = append(files, dir(pkiDir, 0o755, false, "keys and certificates"))
	}
	if s.etcdCerts() {
		files = append(files, dir(pkiDir+"/etcd", 0o755, false, "etcd's own keys and certificates"))
	}
	files = append(files,
		dir("/etc/kubernetes/manifests", 0o700, false, "static pods: the kubelet runs what lies here without asking an API", "kubelet"),
		dir(kubelet.Dir, 0o700, false, "the kubelet's state and its pods' volumes", "kubelet"),
		dir(kubelet.Dir+"/pki", 0o755, false, "the kubelet's own keys and certificates", "kubelet"),
	)
	s.add(Resource{
		ID: "certs/folders", Component: "kubeadm", After: none(),
		What:  "make kubeadm's folders",
		Why:   "Every later file lies in one of them, at the path where kubeadm and every guide look.",
		Files: files,
	})
}

func (s *story) certs() {
	for _, spec := range s.table() {
		after := []string{"certs/folders"}
		if spec.Parent != "" {
			after = append(after, "certs/"+authority(spec.Parent))
		}
		s.add(Resource{
			ID: "certs/" + spec.Name, Component: spec.Readers[0], After: after,
			What:        issue(spec),
			Why:         sentence(spec.Note),
			Certificate: &spec,
		})
	}
	if s.host.Has(cluster.EtcdMember) {
		return
	}
	dir := s.model.Cluster.CertificatesDir
	s.add(Resource{
		ID: "certs/sa", Component: "kube-apiserver", After: []string{"certs/folders"},
		What: "make the key pair that signs service account tokens",
		Why:  "Every pod proves who it is with a token. One half of the pair signs tokens, the other lets every API server check them.",
		Keypair: &Keypair{
			Private: dir + "/sa.key", Public: dir + "/sa.pub",
			Algorithm: pki.Algorithm(s.model.Cluster.EncryptionAlgorithm),
			Readers:   []string{"kube-apiserver", "kube-controller-manager"},
			Note:      "all control planes must share it, or a token is valid on one of them only",
		},
	})
}

// authority is the resource name of the authority whose files have that base.
func authority(base string) string { return strings.ReplaceAll(base, "/", "-") }

func issue(spec pki.Spec) string {
	switch {
	case spec.CA:
		return "make the certificate authority " + spec.CommonName
	case spec.Server && spec.Client:
		return "issue the certificate " + spec.Name + ", for serving and calling"
	case spec.Server:
		return "issue the serving certificate " + spec.Name
	}
	return "issue the client certificate " + spec.Name
}

// sentence makes a note of package pki the first words of an explanation.
func sentence(note string) string {
	if note == "" {
		return ""
	}
	return strings.ToUpper(note[:1]) + note[1:] + "."
}

func (s *story) kubeconfigs() {
	// The final form at once: kubeadm embeds a certificate first and rewrites
	// the file once the kubelet has made its own.
	s.kubeconfigsIn("", func(k *pki.Kubeconfig, name string) {
		if name == "kubelet" {
			k.ClientFile = kubelet.ClientFile
		}
	})
}

// kubeconfigsIn writes them to a folder, "" for kubeadm's own, each as change leaves it.
func (s *story) kubeconfigsIn(dir string, change func(k *pki.Kubeconfig, name string)) {
	in := PKI(s.model, s.host)
	in.ConfDir = dir
	list := pki.Kubeconfigs(in)
	if s.model.Profile == cluster.Hardened {
		list = append(list, approverKubeconfig(in, list[0]))
	}
	for _, k := range list {
		name := strings.TrimSuffix(k.Path[strings.LastIndex(k.Path, "/")+1:], ".conf")
		change(&k, name)
		s.add(Resource{
			ID: "kubeconfig/" + name, Component: k.Readers[0], After: []string{"certs/ca"},
			What:       "write the kubeconfig of " + k.User,
			Why:        sentence(k.Note),
			Kubeconfig: &k,
		})
	}
}

// approverKubeconfig is like another, local one, for the approver.
func approverKubeconfig(in pki.Input, like pki.Kubeconfig) pki.Kubeconfig {
	k := like
	k.Path = hardening.ApproverKubeconfig
	k.Server, k.User = in.LocalURL(), hardening.ApproverUser
	k.Readers = []string{"keelway-approver"}
	k.Note = "the approver's identity; it may approve the kubelets' serving certificates and nothing else"
	k.Client.Name = "keelway-approver.conf"
	k.Client.CommonName, k.Client.Organizations = hardening.ApproverUser, nil
	k.Client.Readers, k.Client.Note = k.Readers, k.Note
	return k
}
