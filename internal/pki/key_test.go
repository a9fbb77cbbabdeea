package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestIssueKeypair(t *testing.T) {
	for alg, block := range map[Algorithm]string{ECDSAP256: ecKeyBlock, RSA2048: rsaKeyBlock} {
		private, public, err := IssueKeypair(rand.Reader, alg)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := pem.Decode(private); got == nil || got.Type != block {
			t.Errorf("%s: private key is not %s", alg, block)
		}
		got, _ := pem.Decode(public)
		if got == nil || got.Type != "PUBLIC KEY" {
			t.Fatalf("%s: public key is not PUBLIC KEY", alg)
		}
		key, err := parseKey(private)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParsePKIXPublicKey(got.Bytes)
		if err != nil || !samePublic(key.Public(), parsed) {
			t.Errorf("%s: the halves do not belong together (%v)", alg, err)
		}
		again, err := PublicKey(private)
		if err != nil || !bytes.Equal(again, public) {
			t.Errorf("%s: public key made again differs (%v)", alg, err)
		}
	}
	if _, _, err := IssueKeypair(rand.Reader, "DSA"); err == nil {
		t.Error("DSA was accepted")
	}
	if _, err := PublicKey(nil); err == nil {
		t.Error("nothing was accepted as a private key")
	}
}

func TestParsePair(t *testing.T) {
	specs := Table(simple())
	ca := mustIssue(t, clock(), specs[0], nil)
	leaf := mustIssue(t, clock(), specs[1], ca)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	good := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8}})
	for _, tc := range []struct {
		name      string
		cert, key []byte
		want      string
	}{
		{"as issued", leaf.CertPEM, leaf.KeyPEM, ""},
		{"PKCS 8", leaf.CertPEM, good, ""},
		{"openssl's parameters before the key", leaf.CertPEM, append(parameters, leaf.KeyPEM...), ""},
		{"both in one file", append(bytes.Clone(leaf.KeyPEM), leaf.CertPEM...), append(bytes.Clone(leaf.CertPEM), leaf.KeyPEM...), ""},
		{"chain", append(bytes.Clone(leaf.CertPEM), ca.CertPEM...), leaf.KeyPEM, ""},
		{"key of another", leaf.CertPEM, ca.KeyPEM, `private key does not belong to certificate "kube-apiserver"`},
		{"no certificate", nil, leaf.KeyPEM, "no PEM certificate in it"},
		{"no key", leaf.CertPEM, nil, "no PEM private key in it"},
		{"cut short", leaf.CertPEM[:200], leaf.KeyPEM, "no PEM certificate in it"},
		{"damaged certificate", block("CERTIFICATE", "garbage"), leaf.KeyPEM, "certificate 1 in it is damaged"},
		{"damaged key", leaf.CertPEM, block("RSA PRIVATE KEY", "garbage"), "RSA PRIVATE KEY block is damaged"},
		{"encrypted key", leaf.CertPEM, block("ENCRYPTED PRIVATE KEY", "garbage"), "encrypted with a password"},
		{"encrypted key, old form", leaf.CertPEM, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")}), "encrypted with a password"},
		{"Ed25519", leaf.CertPEM, ed25519Key(t), "neither RSA nor ECDSA"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParsePair(tc.cert, tc.key)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func block(kind, content string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)})
}

func TestBootstrapToken(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`)
	count := map[rune]int{}
	const draws = 4000
	for range draws {
		token, err := BootstrapToken(rand.Reader)
		if err != nil || !form.MatchString(token) {
			t.Fatalf("token %q, %v", token, err)
		}
		for _, r := range token {
			count[r]++
		}
	}
	// 22 characters a draw over 36: 2444 each, six standard deviations are 293.
	for r, n := range count {
		if r != '.' && (n < 2444-293 || n > 2444+293) {
			t.Errorf("%c came %d times of %d", r, n, draws*22)
		}
	}
	if len(count) != 37 {
		t.Errorf("%d different characters", len(count))
	}
	// 252 to 255 would favour 0 to 3, and are passed over.
	skewed := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{252, 253, 254, 255}, 8)), fillReader(35))
	if token, err := BootstrapToken(skewed); err != nil || token != "zzzzzz.zzzzzzzzzzzzzzzz" {
		t.Errorf("token %q, %v", token, err)
	}
	if _, err := BootstrapToken(bytes.NewReader(make([]byte, 5))); err == nil {
		t.Error("a source that ends gives a token")
	}
}
