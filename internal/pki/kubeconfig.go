package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientcmd "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
)

// IssueKubeconfig returns the file as kubeadm writes it, with a fresh client
// certificate of ca embedded; or, when k.ClientFile is set, with references to
// that file (see IssueClientFile), for which ca needs no key.
func IssueKubeconfig(random io.Reader, now time.Time, k Kubeconfig, ca *Pair) ([]byte, error) {
	if ca == nil || ca.Cert == nil {
		return nil, fmt.Errorf("cannot issue %s: the cluster CA was not given", k.Path)
	}
	if k.ClientFile != "" {
		return encodeKubeconfig(k, ca.Cert, &clientcmd.AuthInfo{
			ClientCertificate: k.ClientFile,
			ClientKey:         k.ClientFile,
		})
	}
	client, err := Issue(random, now, k.Client, ca)
	if err != nil {
		return nil, err
	}
	return encodeKubeconfig(k, ca.Cert, &clientcmd.AuthInfo{
		ClientCertificateData: client.CertPEM,
		ClientKeyData:         client.KeyPEM,
	})
}

// IssueClientFile returns what k.ClientFile holds: a fresh client certificate
// of ca and then its key, as the kubelet writes kubelet-client-current.pem.
func IssueClientFile(random io.Reader, now time.Time, k Kubeconfig, ca *Pair) ([]byte, error) {
	client, err := Issue(random, now, k.Client, ca)
	if err != nil {
		return nil, err
	}
	return append(client.CertPEM, client.KeyPEM...), nil
}

// TokenKubeconfig returns a file that shows a bearer token instead of a
// certificate, such as bootstrap-kubelet.conf.
func TokenKubeconfig(k Kubeconfig, ca *x509.Certificate, token string) ([]byte, error) {
	return encodeKubeconfig(k, ca, &clientcmd.AuthInfo{Token: token})
}

func encodeKubeconfig(k Kubeconfig, ca *x509.Certificate, user *clientcmd.AuthInfo) ([]byte, error) {
	context := k.User + "@" + k.Cluster
	data, err := runtime.Encode(latest.Codec, &clientcmd.Config{
		Clusters:       map[string]*clientcmd.Cluster{k.Cluster: {Server: k.Server, CertificateAuthorityData: encodeCert(ca)}},
		Contexts:       map[string]*clientcmd.Context{context: {Cluster: k.Cluster, AuthInfo: k.User}},
		AuthInfos:      map[string]*clientcmd.AuthInfo{k.User: user},
		CurrentContext: context,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", k.Path, err)
	}
	return data, nil
}

// parsed is what the current context of a kubeconfig file points at.
type parsed struct {
	context, clusterName, userName string
	cluster                        *clientcmd.Cluster
	user                           *clientcmd.AuthInfo
}

func parseKubeconfig(data []byte) (*parsed, error) {
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	config := clientcmd.NewConfig()
	kind := schema.GroupVersionKind{Version: latest.Version, Kind: "Config"}
	if _, _, err := latest.Codec.Decode(data, &kind, config); err != nil {
		return nil, fmt.Errorf("it is not a kubeconfig: %w", err)
	}
	p := &parsed{context: config.CurrentContext}
	context := config.Contexts[p.context]
	if context == nil {
		return nil, fmt.Errorf("its current context %q does not exist", p.context)
	}
	p.clusterName, p.userName = context.Cluster, context.AuthInfo
	if p.cluster = config.Clusters[p.clusterName]; p.cluster == nil {
		return nil, fmt.Errorf("its cluster %q does not exist", p.clusterName)
	}
	if p.user = config.AuthInfos[p.userName]; p.user == nil {
		return nil, fmt.Errorf("its user %q does not exist", p.userName)
	}
	return p, nil
}
