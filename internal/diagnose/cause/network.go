package cause

import "keelway.dev/keelway/internal/diagnose/evidence"

func networkRules() []rule {
	return []rule{
		{
			name:    "cni-plugin-missing",
			pattern: `failed to find plugin "([^"]+)" in path \[?([^\]\s]*)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the CNI plugin " + m.group[1] + " is missing in " + m.group[2], "run `keelway up` again, which installs it; if another network's configuration in /etc/cni/net.d asks for it, move that file away"
			},
		},
		{
			name:    "cni-bridge",
			pattern: `"?cni0"? already has an IP address different from (\S+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the bridge cni0 still has the address of an earlier cluster, not " + m.group[1], "delete it with `ip link delete cni0`; it is made anew with the next pod"
			},
		},
		{
			name:    "cni-addresses",
			pattern: `no IP addresses available in (?:range set|network)[: ]+(\S+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the node's range of pod addresses is used up: " + m.group[1], "remove what was left of earlier pods in /var/lib/cni/networks, or run fewer pods on this node"
			},
		},
		{
			name: "pod-range", of: []string{"flannel"},
			pattern: `pod cidr not assigned|failed to acquire lease: .*(?:pod cidr|podCIDR)`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the controller manager gave this node no range of pod addresses", "look at the controller manager (`keelway status`): it needs --allocate-node-cidrs=true and a --cluster-cidr with room for one more node"
			},
		},
		{
			name: "dns-loop", of: []string{"coredns"},
			pattern: `plugin/loop: Loop .*detected`,
			say: func(evidence.Evidence, match) (string, string) {
				return "CoreDNS forwards to itself: the machine's resolv.conf names a local stub such as 127.0.0.53", "set resolvConf in /var/lib/kubelet/config.yaml to the file with the real name servers, such as /run/systemd/resolve/resolv.conf" + again
			},
		},
		{
			name: "service-address", of: []string{"coredns", "flannel"}, weak: true,
			pattern: `dial tcp (\S+:443): (?:i/o timeout|connect: connection refused|connect: no route to host)|Get "https://([\d.]+:443)[^"]*": context deadline exceeded`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the API's Service address " + m.group[1] + m.group[2] + " does not answer from a pod: kube-proxy has not set it up, or a firewall drops it", "look at kube-proxy (`keelway status`) and at the machine's firewall"
			},
		},
		{
			name: "cni-subnet", weak: true,
			pattern: `loadFlannelSubnetEnv failed|/run/flannel/subnet\.env: no such file`,
			say: func(evidence.Evidence, match) (string, string) {
				return "flannel has not written this node's range to /run/flannel/subnet.env yet, so no pod gets an address", "look at flannel's pod (`keelway status`); it writes the file when it runs"
			},
		},
		{
			name: "cni-not-ready", weak: true,
			pattern: `cni plugin not initialized|NetworkPluginNotReady|no network config found in (\S+)|network is not ready`,
			say: func(evidence.Evidence, match) (string, string) {
				return "containerd has no pod network: there is no valid configuration in /etc/cni/net.d, or its plugins are missing", "run `keelway up` again, which writes both"
			},
		},
	}
}
