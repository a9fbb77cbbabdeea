package check

import (
	"math/big"
	"net"
	"strconv"
	"strings"

	netutils "k8s.io/utils/net"

	"keelway.dev/keelway/internal/config"
)

// The bounds of kubeadm (cmd/kubeadm/app/constants): addresses that a range
// must have, bits of a service range's host part, and how many bits a node's
// range may be smaller than the pods'.
const (
	minAddresses   = 10
	maxServiceBits = 20
	maxNodeBits    = 16
)

func (l *list) networking(c *config.ClusterConfiguration) {
	n := c.Networking
	l.domain("networking.dnsDomain", n.DNSDomain)
	services := l.ranges("networking.serviceSubnet", n.ServiceSubnet)
	for _, s := range services {
		if ones, bits := s.Mask.Size(); bits-ones > maxServiceBits {
			l.add("networking.serviceSubnet", "%s is too large: at most %d bits may be left for addresses, so /%d or smaller", s, maxServiceBits, bits-maxServiceBits)
		}
	}
	pods := l.ranges("networking.podSubnet", n.PodSubnet)
	if last(c.ControllerManager.ExtraArgs, "allocate-node-cidrs") != "false" {
		for _, p := range pods {
			l.nodeMask(c, p)
		}
	}
	for _, p := range pods {
		for _, s := range services {
			if p.Contains(s.IP) || s.Contains(p.IP) {
				l.named("RangesOverlap", "networking.podSubnet", "the pod range %s and the service range %s overlap: Services would get pods' addresses; choose another range", p, s)
			}
		}
	}
}

// ranges parses one CIDR or two of different families, as kubeadm does: with
// leading zeros allowed, and without blanks.
func (l *list) ranges(field, text string) []*net.IPNet {
	if text == "" {
		return nil
	}
	subnets, err := netutils.ParseCIDRs(strings.Split(text, ","))
	if err != nil {
		l.add(field, "%q is not a CIDR such as 10.96.0.0/12, nor two with a comma between", text)
		return nil
	}
	dual, _ := netutils.IsDualStackCIDRs(subnets)
	if len(subnets) > 2 || len(subnets) == 2 && !dual {
		l.add(field, "%q: give one range, or one of IPv4 and one of IPv6", text)
	}
	for _, s := range subnets {
		ones, bits := s.Mask.Size()
		if count := new(big.Int).Lsh(big.NewInt(1), uint(bits-ones)); count.Cmp(big.NewInt(minAddresses)) < 0 {
			l.add(field, "%s has %s addresses, and at least %d are needed", s, count, minAddresses)
		}
	}
	return subnets
}

// nodeMask holds the pods' range against the share that each node gets of it.
func (l *list) nodeMask(c *config.ClusterConfiguration, pods *net.IPNet) {
	flag, mask := "node-cidr-mask-size-ipv4", 24
	if netutils.IsIPv6(pods.IP) {
		flag, mask = "node-cidr-mask-size-ipv6", 64
	}
	if value := last(c.ControllerManager.ExtraArgs, flag); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil {
			l.add("controllerManager.extraArgs", "%s=%s is not a number", flag, value)
			return
		}
		mask = n
	}
	switch ones, _ := pods.Mask.Size(); {
	case ones > mask:
		l.add("networking.podSubnet", "%s is smaller than the /%d that each node gets of it (%s)", pods, mask, flag)
	case mask-ones > maxNodeBits:
		l.add("networking.podSubnet", "%s is more than %d bits larger than the /%d that each node gets of it (%s)", pods, maxNodeBits, mask, flag)
	}
}

// last is the value of a flag that counts: the last one.
func last(args []config.Arg, name string) string {
	value := ""
	for _, a := range args {
		if a.Name == name {
			value = a.Value
		}
	}
	return value
}
