// Package discovery finds out which cluster a joining machine is to trust: by a token and a pin, or by a file.
package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/cluster-bootstrap/token/jws"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/pki"
)

// Trust is what a joining machine believes from then on.
type Trust struct {
	// Server is where the API is, as a URL; CA its authority, in PEM.
	Server string
	CA     []byte
	// User is the identity that a discovery file came with, nil for none.
	User *clientapi.AuthInfo
}

// Wait bounds the search for a cluster that is not there yet, and tells what it
// waits for.
type Wait struct {
	Limit time.Duration
	Tell  func(string)
}

// signedLimit is how long the controller manager may take to sign cluster-info
// with a token that was just made. An unknown token is never signed with.
const signedLimit = 30 * time.Second

// signature is the prefix of a signature's key in cluster-info.
const signature = "jws-kubeconfig-"

// Token reads cluster-info without credentials, believes it when its signature
// fits the token and its authority a pin, and reads it again over that
// authority.
func Token(ctx context.Context, h host.Host, d config.BootstrapTokenDiscovery, w Wait) (*Trust, error) {
	token, err := config.ParseToken(d.Token)
	if err != nil {
		return nil, err
	}
	server := "https://" + d.APIServerEndpoint
	info, err := read(ctx, h, server, nil, token, w)
	if err != nil {
		return nil, err
	}
	trust, err := believe(info, *token, d)
	if err != nil {
		return nil, fmt.Errorf("cannot trust the cluster at %s: %w", server, err)
	}
	again, err := read(ctx, h, server, trust.CA, token, w)
	if err != nil {
		return nil, err
	}
	if again.Data["kubeconfig"] != info.Data["kubeconfig"] {
		return nil, fmt.Errorf("cannot trust the cluster at %s: it answers with another cluster-info over TLS than without: somebody may be between", server)
	}
	return trust, nil
}

// read returns cluster-info, signed with the token. Without an authority nobody
// is believed yet.
func read(ctx context.Context, h host.Host, server string, ca []byte, token *config.TokenString, w Wait) (*corev1.ConfigMap, error) {
	client, err := anonymous(h, server, ca)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, w.Limit)
	defer cancel()
	var unsigned time.Time
	for last := ""; ; {
		info, err := client.Typed.CoreV1().ConfigMaps(metav1.NamespacePublic).Get(ctx, "cluster-info", metav1.GetOptions{})
		switch {
		case err == nil && info.Data[signature+token.ID] != "":
			return info, nil
		case err == nil:
			if unsigned.IsZero() {
				unsigned = time.Now()
			}
			last = fmt.Sprintf("cluster-info has no signature by the token %s", token.ID)
			if time.Since(unsigned) > min(signedLimit, w.Limit) {
				return nil, fmt.Errorf("the cluster at %s does not know the token %s: %s; it has expired or was never made there, so make one on a control plane with `keelway token create --print-join-command`", server, token.ID, last)
			}
		case ctx.Err() == nil:
			last = reason(err)
		}
		w.Tell(last)
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			return nil, fmt.Errorf("the cluster at %s did not answer within %s: %s; look whether the address and port are right and can be reached from here", server, w.Limit, last)
		case <-time.After(kube.Pause()):
		}
	}
}

func reason(err error) string {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return "cluster-info may not be read without credentials: " + err.Error()
	}
	return err.Error()
}

// believe checks the signature and the pins.
func believe(info *corev1.ConfigMap, token config.TokenString, d config.BootstrapTokenDiscovery) (*Trust, error) {
	text := info.Data["kubeconfig"]
	if !jws.DetachedTokenIsValid(info.Data[signature+token.ID], text, token.ID, token.Secret) {
		return nil, fmt.Errorf("cluster-info is signed by another token with the ID %s: the secret after the dot is wrong, or the cluster is another", token.ID)
	}
	in, err := clientcmd.Load([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("cluster-info holds no kubeconfig: %w", err)
	}
	trust, err := only(in)
	if err != nil {
		return nil, fmt.Errorf("cluster-info: %w", err)
	}
	if len(d.CACertHashes) == 0 {
		return trust, nil // asked for: unsafeSkipCAVerification
	}
	have, err := pki.CertHashes(trust.CA)
	if err != nil {
		return nil, fmt.Errorf("cluster-info's authority: %w", err)
	}
	for _, pin := range d.CACertHashes {
		if slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, pin) }) {
			return trust, nil
		}
	}
	return nil, fmt.Errorf("its authority has the hash %s, and you expect %s: the address is another cluster's, or somebody is between", strings.Join(have, ", "), strings.Join(d.CACertHashes, ", "))
}

// only is the one cluster that a kubeconfig names.
func only(in *clientapi.Config) (*Trust, error) {
	cluster := in.Clusters[""]
	if c := in.Contexts[in.CurrentContext]; c != nil {
		cluster = in.Clusters[c.Cluster]
	}
	if cluster == nil && len(in.Clusters) == 1 {
		for _, one := range in.Clusters {
			cluster = one
		}
	}
	switch {
	case cluster == nil:
		return nil, errors.New("it does not say which of its clusters is meant: give it a current context")
	case cluster.Server == "":
		return nil, errors.New("it names no server")
	case len(cluster.CertificateAuthorityData) == 0:
		return nil, errors.New("it holds no certificate authority")
	}
	return &Trust{Server: cluster.Server, CA: bytes.TrimSpace(cluster.CertificateAuthorityData)}, nil
}

func anonymous(h host.Host, server string, ca []byte) (*kube.Client, error) {
	text, err := Kubeconfig(server, ca, "nobody", nil)
	if err != nil {
		return nil, err
	}
	return kube.New(text, h)
}

// Kubeconfig is one for a server, in which an identity has a name. Without an
// authority nothing that the server says is believed: it must be checked.
func Kubeconfig(server string, ca []byte, user string, identity *clientapi.AuthInfo) ([]byte, error) {
	c := clientapi.NewConfig()
	c.Clusters["kubernetes"] = &clientapi.Cluster{Server: server, CertificateAuthorityData: ca, InsecureSkipTLSVerify: ca == nil}
	context := &clientapi.Context{Cluster: "kubernetes"}
	if identity == nil {
		identity = &clientapi.AuthInfo{}
	}
	c.AuthInfos[user] = identity
	context.AuthInfo = user
	c.CurrentContext = user + "@kubernetes"
	c.Contexts[c.CurrentContext] = context
	return clientcmd.Write(*c)
}
