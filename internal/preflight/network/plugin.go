package network

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/preflight/subject"
)

// Plugin finds what is left of another pod network: a configuration that the
// runtime would take before this cluster's, or a bridge with an old address.
func Plugin(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if s.Model.Theirs.Network || s.Alone() {
		return nil, nil
	}
	var found []subject.Finding
	entries, err := s.List(ctx, cni.ConfDir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		loadable := slices.Contains([]string{".conf", ".conflist", ".json"}, path.Ext(e.Path))
		if loadable && e.Path < cni.ConfFile && !s.Owns(e.Path) {
			found = append(found, subject.Finding{
				Message: fmt.Sprintf("%s comes before %s, and containerd takes the first one: pods would join that network", e.Path, path.Base(cni.ConfFile)),
				Fix:     fmt.Sprintf("move %s away if nothing needs it", e.Path),
			})
		}
	}
	// One that nothing is connected to is removed before the kubelet starts.
	if ports, err := s.List(ctx, "/sys/class/net/"+desired.PodBridge+"/brif"); err != nil || len(ports) == 0 {
		return found, err
	}
	n, err := s.Network(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range n.Addresses {
		if a.Interface != desired.PodBridge || !a.IP.IsGlobalUnicast() || inPods(s, a.IP) {
			continue
		}
		found = append(found, subject.Finding{
			Message: fmt.Sprintf("the bridge cni0 has the address %s of another cluster's pod range: every pod would fail with \"cni0 already has an IP address different from\" the new one", a.IP),
			Fix:     "stop what is connected to it (`ip link show master cni0`; `keelway reset` stops pods), run `ip link delete cni0`, and `rm -r /var/lib/cni/networks` if no other container engine uses them",
		})
	}
	return found, nil
}

func inPods(s *subject.Subject, ip netip.Addr) bool {
	var pods []string
	for _, r := range s.Ranges() {
		if r.What != "pod" {
			continue
		}
		if r.Prefix.Contains(ip) {
			return true
		}
		pods = append(pods, r.Prefix.String())
	}
	// Without a pod range in the model nothing can be said.
	return strings.Join(pods, "") == ""
}
