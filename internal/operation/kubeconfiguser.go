package operation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"keelway.dev/keelway/internal/pki"
)

// UserValidity is what a user's certificate is good for unless one says
// otherwise, kubeadm's figure.
const UserValidity = 8760 * time.Hour

// User is who a kubeconfig is made for.
type User struct {
	// Name and Groups are how the API server knows the user.
	Name   string
	Groups []string
	// Validity is the client certificate's.
	Validity time.Duration
	// Token stands for a client certificate when it is not "".
	Token string
}

// UserKubeconfig makes a kubeconfig for another user, who calls the cluster's
// shared endpoint. A warning says when its certificate lives longer than a year.
func (c *Certs) UserKubeconfig(ctx context.Context, u User) (data []byte, warning string, err error) {
	if u.Name == "" {
		return nil, "", &WishError{errors.New("which user? name it with --client-name")}
	}
	if u.Validity <= 0 {
		return nil, "", &WishError{fmt.Errorf("a validity of %s has no time ahead: nobody could use the certificate", u.Validity)}
	}
	k := pki.Kubeconfigs(c.input)[0]
	k.Path, k.User = "the kubeconfig of "+u.Name, u.Name
	if u.Validity > UserValidity {
		warning = fmt.Sprintf("a certificate for %s is good for more than a year: it cannot be taken back before its end", u.Validity)
	}
	k.Client.Name, k.Client.CommonName, k.Client.Organizations = u.Name, u.Name, u.Groups
	k.Client.Validity = u.Validity
	caCert, caKey := c.input.Dir+"/ca.crt", c.input.Dir+"/ca.key"
	certPEM, err := c.read(ctx, caCert)
	if err != nil {
		return nil, "", err
	}
	if certPEM == nil {
		return nil, "", fmt.Errorf("the cluster's authority %s does not exist: run this on a control plane", caCert)
	}
	if u.Token != "" {
		cert, err := pki.ParseCert(certPEM)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", caCert, err)
		}
		data, err = pki.TokenKubeconfig(k, cert, u.Token)
		return data, "", err
	}
	keyPEM, err := c.read(ctx, caKey)
	if err != nil {
		return nil, "", err
	}
	if keyPEM == nil {
		return nil, "", fmt.Errorf("the key of the cluster's authority, %s, is not on this machine (external CA): use --token, or have a certificate signed where the key is", caKey)
	}
	ca, err := pki.ParsePair(certPEM, keyPEM)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", caCert, err)
	}
	data, err = pki.IssueKubeconfig(rand.Reader, c.now(), k, ca)
	return data, warning, err
}
