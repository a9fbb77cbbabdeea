package discovery

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/cluster-bootstrap/token/jws"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/pki"
)

// TestBelieve: whose cluster-info is believed, and what is said of one that is not.
func TestBelieve(t *testing.T) {
	spec := pki.Table(pki.Input{NodeName: "n", AdvertiseAddress: "192.0.2.1", ServiceSubnets: []string{"10.96.0.0/12"}, Algorithm: "ECDSA-P256"})[0]
	ca, err := pki.Issue(rand.Reader, time.Now(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	pin := pki.CertHash(ca.Cert)
	token := config.TokenString{ID: "abcdef", Secret: "0123456789abcdef"}
	kubeconfig := func(authority []byte) string {
		c := clientapi.NewConfig()
		c.Clusters[""] = &clientapi.Cluster{Server: "https://192.0.2.1:6443", CertificateAuthorityData: authority}
		text, err := clientcmd.Write(*c)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := kubeconfig(ca.CertPEM)
	sign := func(text, secret string) map[string]string {
		s, err := jws.ComputeDetachedSignature(text, token.ID, secret)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"kubeconfig": text, signature + token.ID: s}
	}
	other := "sha256:" + strings.Repeat("0", 64)
	for name, row := range map[string]struct {
		data map[string]string
		pins []string
		says string
	}{
		"the right pin":               {sign(good, token.Secret), []string{pin}, ""},
		"a pin in capitals":           {sign(good, token.Secret), []string{"sha256:" + strings.ToUpper(pin[7:])}, ""},
		"one of two pins":             {sign(good, token.Secret), []string{other, pin}, ""},
		"no pin, as asked for":        {sign(good, token.Secret), nil, ""},
		"another's pin":               {sign(good, token.Secret), []string{other}, "has the hash " + pin + ", and you expect " + other},
		"signed with another secret":  {sign(good, "aaaaaaaaaaaaaaaa"), []string{pin}, "the secret after the dot is wrong"},
		"changed after it was signed": {map[string]string{"kubeconfig": good + "\n", signature + token.ID: sign(good, token.Secret)[signature+token.ID]}, []string{pin}, "the secret after the dot is wrong"},
		"without an authority":        {sign(kubeconfig(nil), token.Secret), []string{pin}, "holds no certificate authority"},
	} {
		trust, err := believe(&corev1.ConfigMap{Data: row.data}, token, config.BootstrapTokenDiscovery{CACertHashes: row.pins})
		switch {
		case row.says == "" && (err != nil || trust.Server != "https://192.0.2.1:6443"):
			t.Errorf("%s: %v", name, err)
		case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
}
