package pki

import (
	"crypto/rand"
	"testing"
)

// BenchmarkDefaultSet makes all that the first control plane needs, one after
// the other: ten certificates, five kubeconfigs and the service account's keys.
func BenchmarkDefaultSet(b *testing.B) {
	for _, alg := range []Algorithm{ECDSAP256, RSA2048} {
		b.Run(string(alg), func(b *testing.B) {
			in := simple()
			in.Algorithm = alg
			for b.Loop() {
				pairs := issueAll(b, clock(), Table(in))
				for _, k := range Kubeconfigs(in) {
					if _, err := IssueKubeconfig(rand.Reader, clock(), k, pairs["ca"]); err != nil {
						b.Fatal(err)
					}
				}
				if _, _, err := IssueKeypair(rand.Reader, alg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
