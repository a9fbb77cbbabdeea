package operation

import (
	"context"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/cluster"
)

// keep fills in what the user did not choose this time from what the cluster
// on this machine is, so that a plain `keelway up` finds nothing to do. What a
// running cluster cannot change is refused when it was chosen otherwise.
func (m *Machine) keep(ctx context.Context, chosen cluster.Options) (cluster.Options, error) {
	recorded, basis, err := m.LoadOptions(ctx)
	if err != nil || basis == Defaulted {
		return chosen, err
	}
	was := recorded.Cluster()
	var refused []string
	fixed := func(flag string, field *string, old, why string) {
		switch {
		case *field == "":
			*field = old
		case old != "" && *field != old:
			refused = append(refused, fmt.Sprintf("--%s=%s, but the cluster on %s has %s: %s", flag, *field, m.Host.Name(), old, why))
		}
	}
	anew := "keep it, or remove the cluster with `keelway down` and make another"
	if v := chosen.KubernetesVersion; v != "" && !strings.HasPrefix(was.KubernetesVersion, "v"+strings.TrimPrefix(v, "v")) {
		refused = append(refused, fmt.Sprintf("--kubernetes-version=%s, but the cluster on %s runs %s: up does not upgrade; %s", v, m.Host.Name(), was.KubernetesVersion, anew))
	}
	chosen.KubernetesVersion = was.KubernetesVersion
	profile := string(chosen.Profile)
	fixed("profile", &profile, string(was.Profile), "its Secrets and keys were made for that profile; "+anew)
	chosen.Profile = cluster.Profile(profile)
	fixed("node-name", &chosen.NodeName, was.NodeName, "a node keeps its name; "+anew)
	fixed("pod-network-cidr", &chosen.PodSubnet, was.PodSubnet, "pods have addresses of it; "+anew)
	fixed("service-cidr", &chosen.ServiceSubnet, was.ServiceSubnet, "Services have addresses of it; "+anew)
	fixed("service-dns-domain", &chosen.DNSDomain, was.DNSDomain, "pods know it; "+anew)
	if len(refused) > 0 {
		return chosen, &apply.RefusedError{Refusals: refused}
	}
	if chosen.AdvertiseAddress == "" {
		chosen.AdvertiseAddress = was.AdvertiseAddress
	}
	if chosen.BindPort == 0 {
		chosen.BindPort = was.BindPort
	}
	if chosen.ControlPlaneEndpoint == "" {
		chosen.ControlPlaneEndpoint = was.ControlPlaneEndpoint
	}
	if chosen.CertSANs == nil {
		chosen.CertSANs = was.CertSANs
	}
	chosen.KeepTaint = chosen.KeepTaint || was.KeepTaint
	chosen.CertificatesDir, chosen.ImageRepository = was.CertificatesDir, was.ImageRepository
	return chosen, nil
}
