// Package pki is the table of every key, certificate and kubeconfig, and issues, reads and renews them.
package pki

import (
	"net"
	"time"
)

// Algorithm is a key's kind and size, in the words of kubeadm's ClusterConfiguration.encryptionAlgorithm.
type Algorithm string

// The algorithms that kubeadm v1beta4 allows.
const (
	RSA2048   Algorithm = "RSA-2048"
	RSA3072   Algorithm = "RSA-3072"
	RSA4096   Algorithm = "RSA-4096"
	ECDSAP256 Algorithm = "ECDSA-P256"
	ECDSAP384 Algorithm = "ECDSA-P384"
)

// Spec says what one certificate must be. The rules are kubeadm's.
type Spec struct {
	// Name is kubeadm's phase name, such as "apiserver" or "etcd-server".
	Name string
	// Dir is the PKI folder and Base the path below it without extension, such as "etcd/server".
	Dir, Base     string
	CommonName    string
	Organizations []string
	// CA is true for a certificate authority; Parent is the Base of the issuer, "" for self-signed.
	CA             bool
	Parent         string
	Server, Client bool
	DNSNames       []string
	IPs            []net.IP
	Algorithm      Algorithm
	// Validity is counted from now; notBefore lies five minutes back.
	Validity time.Duration
	// Lax has it issued even where nobody would accept it, as kubeadm does: its
	// owner lets that pass by name.
	Lax bool
	// Readers are the components that read it, Note what for.
	Readers []string
	Note    string
}

// Kubeconfig says what one kubeconfig file must be: a client certificate of
// the cluster CA embedded in a file that names the API server.
type Kubeconfig struct {
	// Path is the file's; Client the certificate it embeds (Dir and Base are unused, Parent is the cluster CA).
	Path   string
	Client Spec
	// CADir is the PKI folder that holds ca.crt and ca.key.
	CADir   string
	Server  string
	Cluster string
	User    string
	// ClientFile, when set, is the path of a PEM file with certificate and key
	// that the kubeconfig refers to instead of embedding it.
	ClientFile string
	// OrClientFile, when set, is such a file that the kubeconfig may refer to
	// as well; a new one embeds its certificate.
	OrClientFile string
	Readers      []string
	Note         string
}
