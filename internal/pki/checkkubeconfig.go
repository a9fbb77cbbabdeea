package pki

import (
	"bytes"
	"crypto/x509"
	"time"
)

// CheckKubeconfig returns how an existing kubeconfig differs from k, in a fixed
// order; nil means not at all. Empty data means that the file does not exist.
// ca is the cluster CA's certificate. When k.ClientFile is set the file must
// refer to it, and CheckClientFile looks at what it holds.
func CheckKubeconfig(data []byte, k Kubeconfig, ca *x509.Certificate, now time.Time) []Problem {
	var found problems
	if len(data) == 0 {
		found.fatal(MissingFile, "the file does not exist")
		return found
	}
	p, err := parseKubeconfig(data)
	if err != nil {
		found.fatal(Damaged, "the file cannot be used: %v", err)
		return found
	}
	found = append(found, checkCluster(p, k, ca)...)
	if want := k.User + "@" + k.Cluster; p.context != want || p.clusterName != k.Cluster || p.userName != k.User {
		found.advise(Context, "its context is %q (user %q, cluster %q), kubeadm's would be %q", p.context, p.userName, p.clusterName, want)
	}
	return append(found, checkCredential(p, k, ca, now)...)
}

// checkCluster compares whom the file trusts and calls.
func checkCluster(p *parsed, k Kubeconfig, ca *x509.Certificate) []Problem {
	var found problems
	switch authority, err := parseChain(p.cluster.CertificateAuthorityData); {
	case p.cluster.InsecureSkipTLSVerify:
		found.fatal(Insecure, "it does not verify who answers (insecure-skip-tls-verify), so anybody on the way can take its credential")
	case len(p.cluster.CertificateAuthorityData) == 0 && p.cluster.CertificateAuthority != "":
		found.advise(OtherCA, "it refers to the CA file %s instead of holding the CA, which was not compared", p.cluster.CertificateAuthority)
	case err != nil:
		found.fatal(OtherCA, "the CA in it cannot be read: %v", err)
	case ca == nil:
		found.fatal(OtherCA, "the cluster CA is not there to compare with")
	case !contains(authority, ca) && sameAuthority(authority[0], ca):
		found.advise(OtherCA, "it trusts an older certificate of the cluster CA, valid until %s", date(authority[0].NotAfter))
	case !contains(authority, ca):
		found.fatal(OtherCA, "it trusts %q (%s), which is not the cluster CA (%s)", authority[0].Subject.CommonName, CertHash(authority[0]), CertHash(ca))
	case len(authority) > 1:
		found.advise(OtherCA, "it trusts %d authorities, the cluster CA among them", len(authority))
	}
	if p.cluster.Server != k.Server {
		found.fatal(OtherServer, "it calls %s, the configuration says %s", p.cluster.Server, k.Server)
	}
	return found
}

func contains(chain []*x509.Certificate, cert *x509.Certificate) bool {
	for _, c := range chain {
		if c.Equal(cert) {
			return true
		}
	}
	return false
}

// sameAuthority says whether two certificates are of one key and name, so that
// either verifies what the other signed.
func sameAuthority(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// checkCredential compares who the file says it is.
func checkCredential(p *parsed, k Kubeconfig, ca *x509.Certificate, now time.Time) []Problem {
	var found problems
	hasCert, hasKey := len(p.user.ClientCertificateData) > 0, len(p.user.ClientKeyData) > 0
	refers := p.user.ClientCertificate != "" || p.user.ClientKey != ""
	switch {
	case k.ClientFile != "":
		// A certificate inside the file would win over the one it refers to.
		if hasCert || hasKey || p.user.ClientCertificate != k.ClientFile || p.user.ClientKey != k.ClientFile {
			found.fatal(Credential, "it does not refer to %s, so a renewed certificate would not be used", k.ClientFile)
		}
		return found
	case hasCert != hasKey:
		found.fatal(Credential, "it holds only one of client certificate and key")
	case hasCert:
		return Check(p.user.ClientCertificateData, p.user.ClientKeyData, k.Client, ca, now)
	case refers:
		found.fatal(Credential, "it refers to %s instead of holding a client certificate", p.user.ClientCertificate)
	default:
		found.fatal(Credential, "it holds no client certificate")
	}
	return found
}

// CheckClientFile returns how a file of certificate and key, such as the
// kubelet's, differs from k.Client. The kubelet chooses its key's algorithm
// itself when it renews, so that is not compared.
func CheckClientFile(data []byte, k Kubeconfig, ca *x509.Certificate, now time.Time) []Problem {
	var found problems
	if len(bytes.TrimSpace(data)) == 0 {
		found.fatal(MissingFile, "the file does not exist")
		return found
	}
	spec := k.Client
	spec.Algorithm = ""
	return Check(data, data, spec, ca, now)
}
