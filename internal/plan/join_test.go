package plan

import (
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// TestTheTokenStaysUntilTheKubeletHasItsCertificate: the kubelet writes
// kubelet.conf as soon as it begins to ask, and was then seen to be killed.
func TestTheTokenStaysUntilTheKubeletHasItsCertificate(t *testing.T) {
	const token, conf, pem = "bootstrap-kubelet.conf", "kubelet.conf", "kubelet-client-current.pem"
	r := desired.Resource{ID: "kubelet-start/bootstrap", Bootstrap: &desired.Bootstrap{Path: token, Until: []string{conf, pem}, Content: []byte("t")}}
	for name, row := range map[string]struct {
		there []string
		want  Change
	}{
		"nothing yet":          {nil, Create},
		"asked, and killed":    {[]string{conf}, Create},
		"an older certificate": {[]string{pem}, Create},
		"joined":               {[]string{conf, pem}, ""},
	} {
		d := decider{seen: observed.Host{Files: map[string]observed.File{}}}
		for _, p := range row.there {
			d.seen.Files[p] = observed.File{}
		}
		if got := d.bootstrap(r); got.change != row.want {
			t.Errorf("%s: %q because %s, want %q", name, got.change, got.reason, row.want)
		}
	}
}
