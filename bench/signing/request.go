package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509/pkix"
	"fmt"

	certificates "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/certificate/csr"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/pki"
)

// Request is what a kubelet that joins asks for: a client certificate in its
// node's name, for a key that it has just made.
type Request struct {
	Node string
	Key  *ecdsa.PrivateKey
	pem  []byte
}

// NewRequest makes the key and the request of a node.
func NewRequest(node string) (*Request, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	subject := &pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}}
	pem, err := cert.MakeCSR(key, subject, nil, nil)
	return &Request{Node: node, Key: key, pem: pem}, err
}

// Client is one as the kubelet has it while it joins: it waits for an answer as
// long as it takes, and has connections of its own, because it dials through a host.
func Client(kubeconfig []byte, h host.Host) (*kube.Client, error) {
	c, err := kube.New(kubeconfig, h)
	if err != nil {
		return nil, err
	}
	c.Config.Timeout = 0
	c.Typed, err = kube.Typed(c.Config)
	return c, err
}

// Send sends it as the kubelet does, through the same function of client-go,
// under the node's name.
func (r *Request) Send(ctx context.Context, c *kube.Client) (types.UID, error) {
	usages := []certificates.KeyUsage{certificates.UsageDigitalSignature, certificates.UsageClientAuth}
	_, uid, err := csr.RequestCertificateWithContext(ctx, c.Typed, r.pem, r.Node, certificates.KubeAPIServerClientKubeletSignerName, nil, usages, r.Key)
	return uid, err
}

// Check holds what was signed against what was asked for.
func (r *Request) Check(signed []byte) error {
	got, err := pki.ParseCert(signed)
	if err != nil {
		return fmt.Errorf("the certificate of %s: %w", r.Node, err)
	}
	if !r.Key.PublicKey.Equal(got.PublicKey) || got.Subject.CommonName != "system:node:"+r.Node {
		return fmt.Errorf("the certificate of %s is another's: %s", r.Node, got.Subject)
	}
	return nil
}
