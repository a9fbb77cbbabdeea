package operation

import (
	"context"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/kube"
)

// unlike says which certificates are not as the cluster's own configuration has
// them, which somebody may have changed since they were issued, and how to apply
// it. What the notes say already is left out.
func (m *Machine) unlike(ctx context.Context, f cluster.Facts, notes []string) []string {
	c, err := OpenCerts(ctx, m.Host, m.Now, CertsOptions{Kubeconfig: kube.AdminConf, Facts: f})
	if err != nil {
		return []string{"the certificates were not compared with the cluster's configuration: " + err.Error()}
	}
	e, err := c.Expiration(ctx)
	if err != nil {
		return []string{"the certificates were not compared with the cluster's configuration: " + err.Error()}
	}
	return slices.DeleteFunc(e.Changes, func(change string) bool {
		_, words, _ := strings.Cut(change, ": ")
		words, _, _ = strings.Cut(words, "; ")
		return slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, ": "+words+"; ") })
	})
}
