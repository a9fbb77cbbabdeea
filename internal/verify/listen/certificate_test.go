package listen

import (
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/verify/result/resulttest"
)

func TestJudgeListener(t *testing.T) {
	now := time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
	in := pki.Input{NodeName: "a", AdvertiseAddress: "192.0.2.1", ServiceSubnets: []string{"10.96.0.0/12"}, DNSDomain: "cluster.local", Algorithm: pki.ECDSAP256}
	specs := map[string]pki.Spec{}
	for _, s := range pki.Table(in) {
		specs[s.Name] = s
	}
	issue := func(s pki.Spec, parent *pki.Pair) (*pki.Pair, *x509.Certificate) {
		t.Helper()
		pair, err := pki.Issue(rand.Reader, now, s, parent)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := pki.ParseCert(pair.CertPEM)
		if err != nil {
			t.Fatal(err)
		}
		return pair, cert
	}
	ca, caCert := issue(specs["ca"], nil)
	_, other := issue(specs["ca"], nil)
	_, cert := issue(specs["apiserver"], ca)
	moved := in
	moved.AdvertiseAddress = "192.0.2.9"
	for _, tc := range []struct {
		name   string
		parent *x509.Certificate
		input  pki.Input
		now    time.Time
		lax    bool
		want   []string
	}{
		{"in order", caCert, in, now, false, nil},
		{"a month before its end", caCert, in, now.AddDate(0, 11, 20), false, []string{"warning x: apiserver: it expires in"}},
		{"expired", caCert, in, now.AddDate(2, 0, 0), false, []string{"failed x: apiserver: it expired on 2027-09-01"}},
		{"another address", caCert, moved, now, false, []string{"failed x: apiserver: it does not name 192.0.2.9", "warning x: apiserver: it also names 192.0.2.1"}},
		{"another authority", other, in, now, false, []string{"failed x: apiserver: it was signed by another authority"}},
		{"a kubelet's own", other, in, now, true, nil},
		{"a kubelet's own, expired", other, in, now.AddDate(2, 0, 0), true, []string{"failed x: apiserver: its own certificate expired"}},
	} {
		spec := pki.Table(tc.input)[1]
		o := judgeListener(listener{address: "x", spec: spec, parent: tc.parent, lax: tc.lax}, []*x509.Certificate{cert}, tc.now)
		resulttest.Expect(t, tc.name, o.Found, tc.want...)
	}
	resulttest.Expect(t, "nothing shown", judgeListener(listener{address: "x", spec: specs["apiserver"], parent: caCert}, nil, now).Found, "failed x: apiserver: it shows no certificate")
}
