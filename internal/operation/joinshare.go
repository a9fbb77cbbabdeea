package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/discovery"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/pki/seal"
)

// sharedFiles are the keys and certificates of all control planes that are not
// on this machine yet, opened with the certificate key.
func (m *Machine) sharedFiles(ctx context.Context, in *joinInput) (map[string][]byte, error) {
	if in.join.ControlPlane == nil || !in.run.Any("control-plane-prepare") {
		return nil, nil
	}
	if in.found.cluster.ControlPlaneEndpoint == "" {
		return nil, &WishError{errors.New("the cluster has no endpoint that all control planes share (controlPlaneEndpoint in the ConfigMap kube-system/kubeadm-config is empty), so that nodes would lose the API with the first of them: set one there and in its certificate, then join again")}
	}
	var missing []string
	for _, f := range desired.SharedFiles(in.found.cluster) {
		if f.Path == "" {
			continue // an external etcd without TLS
		}
		_, err := m.Host.Stat(ctx, f.Path)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, f.Name)
		} else if err != nil {
			return nil, err
		}
	}
	key := in.join.ControlPlane.CertificateKey
	// Who gives a key wants what is stored: ca.crt alone may be all that an
	// interrupted run has written.
	external := key == "" && m.owned(ctx, in.found.cluster, false).Authority
	if len(missing) == 0 || external {
		return nil, nil
	}
	if key == "" {
		return nil, &WishError{fmt.Errorf("a control plane needs the shared keys and certificates, and these are missing here: %s; give --certificate-key (`keelway init phase upload-certs --upload-certs` on a control plane stores them and prints it), or copy them by hand", strings.Join(missing, ", "))}
	}
	opened, err := seal.ParseKey(key)
	if err != nil {
		return nil, &WishError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, in.join.Timeouts.KubernetesAPICall.Duration)
	defer cancel()
	secret, err := kube.Ask(ctx, func(ctx context.Context) (*corev1.Secret, error) {
		return in.found.client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, desired.CertsSecret, metav1.GetOptions{})
	})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, &WishError{errors.New("the shared certificates are not in the cluster: they are deleted two hours after they were uploaded; upload them again on a control plane with `keelway init phase upload-certs --upload-certs`")}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the shared certificates: %w", err)
	}
	files := map[string][]byte{}
	for _, name := range missing {
		sealed := secret.Data[name]
		if len(sealed) == 0 {
			if name == "ca.key" || name == "front-proxy-ca.key" {
				continue // an external CA: its key is nowhere
			}
			return nil, &WishError{fmt.Errorf("%s is not among the shared certificates in the cluster: upload them again with `keelway init phase upload-certs --upload-certs`, or copy the file by hand", name)}
		}
		if files[name], err = seal.Open(opened, sealed); err != nil {
			return nil, &WishError{fmt.Errorf("the shared certificate %s cannot be opened: %w: use the key that the last upload printed", name, err)}
		}
	}
	return files, nil
}

// bootstrapFile is the kubeconfig with which the kubelet asks for its
// certificate; nil where it has one, or where this machine can issue it.
func (m *Machine) bootstrapFile(in *joinInput) ([]byte, error) {
	canIssue := in.join.ControlPlane != nil && !in.model.Theirs.Authority
	if in.found.user == nil || canIssue {
		return nil, nil
	}
	server := in.found.server
	if in.join.ControlPlane != nil {
		server = "https://" + in.join.ControlPlane.LocalAPIEndpoint.HostPort()
	}
	return discovery.Kubeconfig(server, in.found.ca, "tls-bootstrap-token-user", in.found.user)
}
