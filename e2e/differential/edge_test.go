package differential

import (
	"strings"
	"testing"
)

// edges are the sharp edges of kubeadm's contract, and the cases that have
// them: configurations of TestConfig, trees of TestTrees, other tests.
func edges() map[string][]string {
	return map[string][]string{
		"names of certificates in mixed case, wildcard, twice, with zeros": {"SANs", "flags: names"},
		"both families: both ranges in the flags, the first in the names":  {"dual stack apart", "dual stack, IPv6 first"},
		"IPv6 only: [::1] everywhere":                                      {"IPv6 only apart", "address of IPv6"},
		"external etcd with TLS: no certificates, no manifest, volumes":    {"external etcd with TLS", "external etcd, three", "etcd's phases where etcd is external", "etcd's manifest where etcd is external"},
		"arguments as a map":                                      {"extra args as a map", "kubelet args as a map"},
		"a volume of a built-in's name replaces it":               {"extra volumes", "every volume replaced"},
		"an argument twice: the last decides the probe":           {"extra args", "listening everywhere", "flags: argument twice"},
		"another repository: no further folder":                   {"repository", "one of everything", "flags: etcd"},
		"certificates elsewhere: every path follows":              {"certificates elsewhere", "authority there", "flags: folder of certificates"},
		"an external authority, complete":                         {"external CA, complete", "external CA of the front proxy", "external CA of etcd"},
		"an external authority, incomplete":                       {"external CA, no certificate", "external CA, no key of a certificate", "external CA, no kubeconfig", "external CA, one kubeconfig missing", "external CA of the front proxy, no certificate", "external CA of etcd, no certificate"},
		"certificates that are there are kept":                    {"twice", "key pair there", "authority there"},
		"a certificate of another authority":                      {"certificate of another authority", "kubeconfigs of another authority", "authority lost"},
		"taints unset, null, none":                                {"taints unset", "taints null", "taints none", "taints own"},
		"patches: strategic, merge, JSON, order, what is ignored": {"patches", "patches in lexical order", "patch of an unknown type", "patch of an unknown extension", "patch that does not fit", "patch of the kubelet, merge"},
		"an unknown field: validate refuses, init warns":          {"unknown field", "unknown field below"},
		"two ClusterConfigurations":                               {"two clusters"},
		"ranges: /30, /8, overlapping, of one family":             {"service range /30", "service range /28", "service range /8", "IPv6 only", "dual stack", "two ranges of a family"},
		"a malformed pin or token of a joining machine":           {"join, token malformed", "join without a pin", "token malformed"},
		"a configuration beside flags that do not mix":            {"flags beside a file: names", "flags beside a file: patches", "flags beside a file: name of the node"},
		"the proxy's environment, in all but etcd":                {"proxy environment"},
		"a + in the version becomes a _ in the tag":               {"build in the version", "version with a build"},
		"the host's folders of authorities":                       {"folders of CA certificates"},
		"startup fails after the time for health":                 {"long wait for health", "no wait for health"},
		"every algorithm of keys":                                 {"RSA-2048, the default", "RSA-3072", "algorithms", "rootless"},
		"v1beta3: arguments as a map, two time-outs that move":    {"arguments as a map", "time for the control plane", "join with a time limit"},
	}
}

// TestEdges: no edge has lost its case.
func TestEdges(t *testing.T) {
	have := map[string]bool{}
	for _, c := range trees(t) {
		have[c.name] = true
	}
	for _, c := range append(picked(), pickedV1beta3()...) {
		have[c.name] = true
	}
	for edge, cases := range edges() {
		for _, name := range cases {
			if !have[name] {
				t.Errorf("%s: no case is named %q", edge, name)
			}
		}
	}
	named := 0
	for name := range have {
		if !strings.HasPrefix(name, "fitting ") {
			named++
		}
	}
	t.Logf("%d hand-picked cases for %d sharp edges", named, len(edges()))
}
