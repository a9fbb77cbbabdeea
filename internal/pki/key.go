package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
)

// The PEM block types that kubeadm writes.
const (
	rsaKeyBlock      = "RSA PRIVATE KEY"
	ecKeyBlock       = "EC PRIVATE KEY"
	pkcs8KeyBlock    = "PRIVATE KEY"
	publicKeyBlock   = "PUBLIC KEY"
	certificateBlock = "CERTIFICATE"
)

// generate makes a private key of the algorithm; "" means RSA-2048.
func generate(rand io.Reader, alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand)
	case RSA2048, "":
		return rsa.GenerateKey(rand, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand, 4096)
	}
	return nil, fmt.Errorf("unknown key algorithm %q", alg)
}

// known says whether kubeadm allows the algorithm.
func (a Algorithm) known() bool {
	switch a {
	case RSA2048, RSA3072, RSA4096, ECDSAP256, ECDSAP384:
		return true
	}
	return false
}

// algorithmOf names a public key's algorithm in the same words; a kind or size
// that kubeadm does not make is named as it is, such as "RSA-1024".
func algorithmOf(public crypto.PublicKey) Algorithm {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return Algorithm(fmt.Sprintf("RSA-%d", key.N.BitLen()))
	case *ecdsa.PublicKey:
		return Algorithm(fmt.Sprintf("ECDSA-P%d", key.Curve.Params().BitSize))
	}
	return Algorithm(fmt.Sprintf("%T", public))
}

// encodeKey returns the private key's PEM in the form kubeadm writes.
func encodeKey(key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return pem.EncodeToMemory(&pem.Block{Type: rsaKeyBlock, Bytes: x509.MarshalPKCS1PrivateKey(k)}), nil
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return nil, fmt.Errorf("encode ECDSA key: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: ecKeyBlock, Bytes: der}), nil
	}
	return nil, fmt.Errorf("private key is neither RSA nor ECDSA but %T", key)
}

// parseKey returns the first RSA or ECDSA private key of the PEM. Other
// blocks, such as EC PARAMETERS, are passed over. No error holds key material.
func parseKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case rsaKeyBlock:
			if block.Headers["DEK-Info"] != "" {
				return nil, errors.New("private key is encrypted with a password; Kubernetes needs it plain")
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case ecKeyBlock:
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case pkcs8KeyBlock:
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("private key is encrypted with a password; Kubernetes needs it plain")
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s block is damaged: %w", block.Type, err)
		}
		switch k := key.(type) {
		case *rsa.PrivateKey:
			return k, nil
		case *ecdsa.PrivateKey:
			return k, nil
		}
		return nil, fmt.Errorf("private key is neither RSA nor ECDSA but %T", key)
	}
	return nil, errors.New("no PEM private key in it")
}

// IssueKeypair makes a key of the algorithm and returns the PEM of its private
// and public half, as in kubeadm's sa.key and sa.pub.
func IssueKeypair(rand io.Reader, alg Algorithm) (privPEM, pubPEM []byte, err error) {
	key, err := generate(rand, alg)
	if err != nil {
		return nil, nil, fmt.Errorf("make key pair: %w", err)
	}
	if privPEM, err = encodeKey(key); err != nil {
		return nil, nil, err
	}
	if pubPEM, err = encodePublic(key.Public()); err != nil {
		return nil, nil, err
	}
	return privPEM, pubPEM, nil
}

// PublicKey returns the PEM of the public half of a PEM private key, so that a
// lost sa.pub is written again without touching sa.key.
func PublicKey(privPEM []byte) ([]byte, error) {
	key, err := parseKey(privPEM)
	if err != nil {
		return nil, err
	}
	return encodePublic(key.Public())
}

func encodePublic(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicKeyBlock, Bytes: der}), nil
}
