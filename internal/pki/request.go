package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmd "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
)

// Request makes a key and a request to sign a certificate for it, both as PEM,
// where the issuer's key is elsewhere. It holds the subject and the alternative
// names; what the certificate is for is the signer's to say.
func Request(random io.Reader, spec Spec) (requestPEM, keyPEM []byte, err error) {
	key, err := generate(random, spec.Algorithm)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot request certificate %s: %w", spec.Name, err)
	}
	der, err := x509.CreateCertificateRequest(random, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: spec.CommonName, Organization: spec.Organizations},
		DNSNames: spec.DNSNames, IPAddresses: spec.IPs,
	}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot request certificate %s: %w", spec.Name, err)
	}
	if keyPEM, err = encodeKey(key); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), keyPEM, nil
}

// RequestKubeconfig makes a request for a kubeconfig's client certificate, and
// the file with its key, which lacks the certificate and the authority.
func RequestKubeconfig(random io.Reader, k Kubeconfig) (requestPEM, data []byte, err error) {
	requestPEM, keyPEM, err := Request(random, k.Client)
	if err != nil {
		return nil, nil, err
	}
	context := k.User + "@" + k.Cluster
	data, err = runtime.Encode(latest.Codec, &clientcmd.Config{
		Clusters:       map[string]*clientcmd.Cluster{k.Cluster: {Server: k.Server}},
		Contexts:       map[string]*clientcmd.Context{context: {Cluster: k.Cluster, AuthInfo: k.User}},
		AuthInfos:      map[string]*clientcmd.AuthInfo{k.User: {ClientKeyData: keyPEM}},
		CurrentContext: context,
	})
	return requestPEM, data, err
}

// AlgorithmOf names the algorithm of a certificate's key; one that kubeadm does
// not make is named as it is, such as "RSA-1024".
func AlgorithmOf(cert *x509.Certificate) Algorithm { return algorithmOf(cert.PublicKey) }

// Known says whether kubeadm makes keys of the algorithm.
func (a Algorithm) Known() bool { return a.known() }
