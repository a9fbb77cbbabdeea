package node

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// network is what a cluster gives out, and who has what of it.
type network struct {
	pods, services []netip.Prefix
	nodes          []nodeNetwork
	// api and dns are the addresses of the two Services that every cluster
	// has; wantDNS is the one that kubelets tell their pods.
	api, dns, wantDNS string
}

type nodeNetwork struct {
	name      string
	ranges    []string
	addresses []string
}

// Ranges compares the networks of the cluster and of its nodes.
func Ranges(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	given := s.Model.Cluster.Networking
	var n network
	if n.pods, err = config.Subnets(given.PodSubnet); err != nil {
		return o, err
	}
	if n.services, err = config.Subnets(given.ServiceSubnet); err != nil {
		return o, err
	}
	for _, node := range s.Nodes {
		n.nodes = append(n.nodes, nodeNetwork{node.Name, node.Spec.PodCIDRs, subject.Addresses(node)})
	}
	core := s.Client.Typed.CoreV1()
	api, err := core.Services("default").Get(ctx, "kubernetes", metav1.GetOptions{})
	if err != nil {
		return o, err
	}
	n.api = api.Spec.ClusterIP
	if !s.Model.Cluster.DNS.Disabled {
		want, err := given.ServiceAddress(10)
		if err != nil {
			return o, err
		}
		n.wantDNS = want.String()
		if service, err := core.Services(metav1.NamespaceSystem).Get(ctx, "kube-dns", metav1.GetOptions{}); err == nil {
			n.dns = service.Spec.ClusterIP
		}
	}
	return judgeRanges(n), nil
}

func judgeRanges(n network) (o result.Outcome) {
	for _, p := range n.pods {
		for _, v := range n.services {
			if p.Overlaps(v) {
				o.Fail("", "the pod range %s and the service range %s overlap", p, v)
			}
		}
	}
	taken := map[netip.Prefix]string{}
	for _, node := range n.nodes {
		if len(node.ranges) < len(n.pods) {
			o.Fail(node.name, "has parts of %d of the %d pod ranges: the controller manager gives it one of each while they have room", len(node.ranges), len(n.pods))
		}
		for _, text := range node.ranges {
			part, err := netip.ParsePrefix(text)
			if err != nil {
				o.Fail(node.name, "its pod range %q is none", text)
				continue
			}
			if len(n.pods) > 0 && !within(part.Addr(), n.pods) {
				o.Fail(node.name, "its pods get addresses of %s, which is outside of the pod range %s", part, join(n.pods))
			}
			for other, who := range taken {
				if other.Overlaps(part) {
					o.Fail(node.name, "its pod range %s overlaps %s of %s", part, other, who)
				}
			}
			taken[part] = node.name
		}
		for _, text := range node.addresses {
			a, err := netip.ParseAddr(text)
			if err == nil && (within(a, n.pods) || within(a, n.services)) {
				o.Fail(node.name, "its own address %s lies in a range of the cluster", a)
			}
		}
	}
	if a, err := netip.ParseAddr(n.api); err != nil || !within(a, n.services) {
		o.Fail("", "the Service of the API has the address %q, which is outside of the service range %s", n.api, join(n.services))
	}
	if n.dns != n.wantDNS {
		o.Fail("", "the Service kube-dns has the address %q, and kubelets tell their pods to ask %s", n.dns, n.wantDNS)
	}
	o.Seen = fmt.Sprintf("pods %s, Services %s, and the parts of %s", join(n.pods), join(n.services), result.Counted(len(n.nodes), len(n.nodes), "node"))
	return o
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func join(list []netip.Prefix) string {
	var words []string
	for _, p := range list {
		words = append(words, p.String())
	}
	return strings.Join(words, ",")
}
