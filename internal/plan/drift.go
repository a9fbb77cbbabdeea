package plan

import (
	"crypto/x509"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/renew"
)

// drift is one way in which a certificate that is kept is not as configured.
type drift struct {
	id, text, remedy string
	// renewable is true when renewal applies it.
	renewable bool
}

// drifted says how a certificate that is kept is not as configured, and which
// command changes that.
func (d decider) drifted(r desired.Resource, s pki.Spec, have *x509.Certificate) []drift {
	var list []drift
	paths := r.Paths() // the certificate's or kubeconfig's own file is the last
	for _, change := range renew.Drift(s, have) {
		list = append(list, drift{
			id: r.ID, text: change.Text, renewable: change.Applied && renew.Renewable(s),
			remedy: renew.Remedy(s, paths[len(paths)-1], change, d.in.Config),
		})
	}
	return list
}

// few is how many certificates may differ in the same way before one line, and
// one command, says it of all.
const few = 2

// tell makes notes of drifts. An algorithm or a validity was mostly changed for
// every certificate.
func tell(list []drift, config string) []string {
	var notes []string
	said := map[string]bool{}
	for _, one := range list {
		alike := func(other drift) bool {
			return other.text == one.text && (other.remedy == one.remedy || other.renewable && one.renewable)
		}
		var ids []string
		for _, other := range list {
			if alike(other) {
				ids = append(ids, other.id)
			}
		}
		remedy := one.remedy
		if len(ids) > few && one.renewable {
			remedy = "`" + renew.Command("all", config) + "` applies it"
		}
		if len(ids) <= few {
			ids = []string{one.id}
		}
		note := fmt.Sprintf("%s: %s; %s", strings.Join(ids, ", "), one.text, remedy)
		if !said[note] {
			said[note] = true
			notes = append(notes, note)
		}
	}
	return notes
}
