package operation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/pki/seal"
	"keelway.dev/keelway/internal/release"
)

// chooseEtcd takes the etcd that comes with Keelway where the configuration
// names none and kubeadm's own is not at hand: kubeadm's has
// GHSA-6vch-q96h-7gc3, and would have to be pulled.
func (m *Machine) chooseEtcd(ctx context.Context, in *work, o Workflow) {
	l := in.model.Cluster.Etcd.Local
	if o.Tree || l == nil || l.ImageTag != "" || l.ImageRepository != "" {
		return
	}
	images, _ := observe.Images(ctx, m.Host)
	if images[in.model.Image("etcd")] {
		return
	}
	r, err := release.For(in.model.Release.Minor())
	if err != nil {
		return
	}
	own := in.model.Cluster.ImageRepository + "/etcd:" + r.Tag("etcd")
	if !images[own] {
		if _, err := o.FindBundle(in.model.Cluster.KubernetesVersion); err != nil {
			return
		}
	}
	in.warnings = append(in.warnings, fmt.Sprintf("etcd %s is used, the one that is at hand; kubeadm's own choice %s is not, and has GHSA-6vch-q96h-7gc3", r.Tag("etcd"), in.model.Release.Tag("etcd")))
	l.ImageTag = r.Tag("etcd")
}

// uploadLife is how long uploaded certificates stay in the cluster, kubeadm's.
const uploadLife = 2 * time.Hour

// upload is what is to be sealed, nil when nobody asked for it.
func (m *Machine) upload(in *initInput, o InitOptions) (*desired.Upload, error) {
	if !o.UploadCerts || !in.run.Has("upload-certs") {
		return nil, nil //nolint:nilnil // nothing to upload is no error
	}
	text := in.model.Hosts[0].Init.CertificateKey
	if text == "" {
		key, err := seal.NewKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		text = hex.EncodeToString(key)
	}
	key, err := seal.ParseKey(text)
	if err != nil {
		return nil, err
	}
	in.certificateKey = text
	token := NewToken()
	return &desired.Upload{
		Key: key, Files: desired.SharedFiles(in.model.Cluster),
		Token: config.BootstrapToken{
			Token: &token, TTL: &metav1.Duration{Duration: uploadLife}, Description: "Proxy for managing TTL for the kubeadm-certs secret",
		},
	}, nil
}
