package desired

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// Upload stores shared keys and certificates in the cluster, sealed with a key
// that only people know. The Secret is owned by a bootstrap token's, so that it
// goes when the token ends.
type Upload struct {
	// Key is the AES-256 key; it is never shown.
	Key   []byte
	Token config.BootstrapToken
	// Files are the host's, by their name in the Secret; a missing one is
	// stored empty.
	Files []UploadedFile
}

// UploadedFile is a file and its name in the Secret.
type UploadedFile struct {
	Name, Path string
}

// Rotation points a kubeconfig at a file that holds its user's certificate and key.
type Rotation struct {
	Kubeconfig, ClientFile string
}

// CertsSecret is the Secret of the uploaded certificates, in kube-system.
const CertsSecret = "kubeadm-certs"

// SharedFiles are the keys and certificates that all control planes share, by
// their name in the Secret kubeadm-certs.
func SharedFiles(c config.ClusterConfiguration) []UploadedFile {
	dir := c.CertificatesDir + "/"
	files := []UploadedFile{
		{"ca.crt", dir + "ca.crt"}, {"ca.key", dir + "ca.key"},
		{"front-proxy-ca.crt", dir + "front-proxy-ca.crt"}, {"front-proxy-ca.key", dir + "front-proxy-ca.key"},
		{"sa.pub", dir + "sa.pub"}, {"sa.key", dir + "sa.key"},
	}
	if v, _ := staticpod.Value(c.APIServer.ExtraArgs, "encryption-provider-config"); v == cluster.EncryptionFile {
		// kubeadm knows no such file, and passes over it.
		files = append(files, UploadedFile{"keelway-encryption-config", cluster.EncryptionFile})
	}
	if e := c.Etcd.External; e != nil {
		return append(files,
			UploadedFile{"external-etcd-ca.crt", e.CAFile}, UploadedFile{"external-etcd.crt", e.CertFile}, UploadedFile{"external-etcd.key", e.KeyFile})
	}
	return append(files, UploadedFile{"etcd-ca.crt", dir + "etcd/ca.crt"}, UploadedFile{"etcd-ca.key", dir + "etcd/ca.key"})
}

// Shared are the same on the machines of a cluster file: where etcd has hosts of
// its own, every control plane issues its certificates for it itself.
func Shared(m *cluster.Model) []UploadedFile {
	c := m.Cluster
	if m.OwnEtcd {
		c.Etcd.External = nil
	}
	return SharedFiles(c)
}

// Secret is the Secret without what is sealed in it.
func (u Upload) Secret() *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: CertsSecret, Namespace: metav1.NamespaceSystem},
	}
}

// TokenName is the name of the Secret that owns it.
func (u Upload) TokenName() string { return "bootstrap-token-" + u.Token.Token.ID }

func (s *story) uploadCerts(u *Upload) {
	if u == nil {
		return
	}
	s.add(Resource{
		ID: "upload-certs/token", Component: "kube-apiserver", After: []string{adminID},
		What: "make a token that ends in two hours",
		Why:  "The sealed certificates belong to it, and are deleted with it.",
		Objects: []Object{
			{Object: config.TokenSecret(u.Token, s.model.Now), Keep: true, Why: "a token that opens nothing, with an end"},
		},
	})
	s.add(Resource{
		ID: "upload-certs/certs", Component: "kube-apiserver", After: []string{"upload-certs/token", "certs/sa"},
		What:   "store the shared keys and certificates, sealed",
		Why:    "Another control plane needs the same authorities. Whoever has the certificate key can open them within two hours.",
		Upload: u,
	})
	const name = "kubeadm:kubeadm-certs"
	s.add(Resource{
		ID: "upload-certs/rbac", Component: "kube-apiserver", After: []string{adminID},
		What: "let joining machines read the sealed certificates",
		Why:  "They have a token only, and the key from a person.",
		Objects: []Object{
			{Object: access.ReadSecret(metav1.NamespaceSystem, name, CertsSecret), Why: "may read that Secret"},
			{Object: access.Binding(metav1.NamespaceSystem, name, access.Group(config.DefaultTokenGroup)), Why: "joining machines have that role"},
		},
	})
}
