package renew

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientcmd "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"

	"keelway.dev/keelway/internal/pki"
)

// backdate is how far before its issue a certificate begins, kubeadm's figure.
const backdate = 5 * time.Minute

// Next is the spec of the certificate that follows old. Subject and use stay as
// they are. No name is lost: somebody may have added one by hand. configured is
// false when nobody knows the cluster's configuration, and want is a guess: then
// names, algorithm and validity are old's.
func Next(want pki.Spec, old *x509.Certificate, configured bool) pki.Spec {
	next := want
	next.CommonName, next.Organizations = old.Subject.CommonName, old.Subject.Organization
	if want.Name == "apiserver-kubelet-client" {
		// kubeadm 1.37 takes system:masters from it, and binds a role instead.
		next.Organizations = want.Organizations
	}
	next.Server = slices.Contains(old.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	next.Client = slices.Contains(old.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	next.DNSNames, next.IPs = slices.Clone(old.DNSNames), slices.Clone(old.IPAddresses)
	if !configured {
		next.Validity = old.NotAfter.Sub(old.NotBefore) - backdate
		if a := pki.AlgorithmOf(old); a.Known() {
			next.Algorithm = a
		}
		return next
	}
	for _, name := range want.DNSNames {
		if !slices.Contains(next.DNSNames, name) {
			next.DNSNames = append(next.DNSNames, name)
		}
	}
	slices.Sort(next.DNSNames)
	for _, ip := range want.IPs {
		if !slices.ContainsFunc(next.IPs, ip.Equal) {
			next.IPs = append(next.IPs, ip)
		}
	}
	return next
}

// Change is one way in which a certificate is not as configured.
type Change struct {
	// Text says it; Applied is true when renewal makes it as configured.
	Text    string
	Applied bool
}

// Drift says how a certificate in use is not as configured: its names,
// algorithm and validity.
func Drift(want pki.Spec, old *x509.Certificate) []Change {
	var found []Change
	missing := slices.DeleteFunc(lacking(want.DNSNames, want.IPs, old.DNSNames, old.IPAddresses), func(name string) bool {
		return old.VerifyHostname(name) == nil // by a wildcard
	})
	if len(missing) > 0 {
		found = append(found, Change{"it does not name " + strings.Join(missing, ", "), true})
	}
	if extra := lacking(old.DNSNames, old.IPAddresses, want.DNSNames, want.IPs); len(extra) > 0 {
		found = append(found, Change{fmt.Sprintf("it also names %s, which is not configured", strings.Join(extra, ", ")), false})
	}
	if have := pki.AlgorithmOf(old); want.Algorithm != "" && have != want.Algorithm {
		found = append(found, Change{fmt.Sprintf("its key is %s, configured is %s", have, want.Algorithm), true})
	}
	// The clock's seconds and the five minutes before are not a difference.
	life := old.NotAfter.Sub(old.NotBefore) - backdate
	if off := life - want.Validity; off < -2*backdate || off > 2*backdate {
		found = append(found, Change{fmt.Sprintf("it was issued for %s, configured is %s", plain(life), plain(want.Validity)), true})
	}
	return found
}

// Command is what renews a certificate, or all of them, as a file configures
// it; "" is the cluster's own configuration.
func Command(name, file string) string {
	command := "keelway certs renew " + name
	if file != "" {
		command += " --config " + file
	}
	return command
}

// Renewable is true of what `certs renew` takes.
func Renewable(s pki.Spec) bool { return !s.CA && slices.Contains(Names(), s.Name) }

// Remedy says what makes a certificate as configured. path is its file; file is
// where the configuration is from, "" for the cluster.
func Remedy(s pki.Spec, path string, c Change, file string) string {
	switch {
	case s.CA:
		return "an authority is kept, because everything that it has signed would be refused with another"
	case c.Applied && Renewable(s):
		return "`" + Command(s.Name, file) + "` applies it"
	case strings.HasSuffix(path, ".conf"):
		return "a new one is issued when " + path + " is moved away"
	}
	return "renewal keeps it, a new one is issued when " + path + " and its key are moved away"
}

func plain(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.Round(time.Second).String()
}

// lacking are the names and addresses that the others do not have.
func lacking(names []string, ips []net.IP, other []string, otherIPs []net.IP) []string {
	var list []string
	for _, name := range names {
		if !slices.ContainsFunc(other, func(o string) bool { return strings.EqualFold(o, name) }) {
			list = append(list, name)
		}
	}
	for _, ip := range ips {
		if !slices.ContainsFunc(otherIPs, ip.Equal) {
			list = append(list, ip.String())
		}
	}
	return list
}

// Client is the certificate that a kubeconfig's current user shows, and the
// server that it is shown to.
func Client(data []byte) (cert *x509.Certificate, server string, err error) {
	c, user, cluster, err := decode(data)
	if err != nil {
		return nil, "", err
	}
	if len(c.AuthInfos[user].ClientCertificateData) == 0 {
		return nil, "", fmt.Errorf("its user %q holds no client certificate", user)
	}
	cert, err = pki.ParseCert(c.AuthInfos[user].ClientCertificateData)
	return cert, c.Clusters[cluster].Server, err
}

// Kubeconfig is the file with a fresh certificate for its current user, and
// with another server unless that is "". All else in it stays.
func Kubeconfig(random io.Reader, now time.Time, data []byte, next pki.Spec, ca *pki.Pair, server string) ([]byte, error) {
	c, user, cluster, err := decode(data)
	if err != nil {
		return nil, err
	}
	fresh, err := pki.Issue(random, now, next, ca)
	if err != nil {
		return nil, err
	}
	a := c.AuthInfos[user]
	a.ClientCertificate, a.ClientKey = "", ""
	a.ClientCertificateData, a.ClientKeyData = fresh.CertPEM, fresh.KeyPEM
	if server != "" {
		c.Clusters[cluster].Server = server
	}
	return runtime.Encode(latest.Codec, c)
}

// decode reads a kubeconfig and finds the user and cluster of its current context.
func decode(data []byte) (c *clientcmd.Config, user, cluster string, err error) {
	c = clientcmd.NewConfig()
	kind := schema.GroupVersionKind{Version: latest.Version, Kind: "Config"}
	if _, _, err := latest.Codec.Decode(data, &kind, c); err != nil {
		return nil, "", "", fmt.Errorf("it is not a kubeconfig: %w", err)
	}
	in := c.Contexts[c.CurrentContext]
	if in == nil || c.AuthInfos[in.AuthInfo] == nil || c.Clusters[in.Cluster] == nil {
		return nil, "", "", errors.New("its current context names no user and cluster that are in it")
	}
	return c, in.AuthInfo, in.Cluster, nil
}
