package cause

import (
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/diagnose/evidence"
	"keelway.dev/keelway/internal/diagnose/state"
)

// reachRules say that somebody else does not answer. They are weak: why that
// one does not answer is the cause.
func reachRules() []rule {
	return []rule{
		{
			name: "etcd-unreachable", of: []string{"kube-apiserver"}, weak: true,
			pattern: `dial tcp \S+:2379: connect: (connection refused)|etcd grpc connection not ready|\[-\]etcd`,
			say: func(e evidence.Evidence, _ match) (string, string) {
				return unless(works(e, "etcd"), "the API server cannot reach etcd"), "look at etcd (`keelway diagnose`)"
			},
		},
		{
			name: "runtime-unreachable", of: []string{"kubelet"}, weak: true,
			pattern: `dial unix /\S*containerd\.sock: connect: (?:connection refused|no such file or directory)|validate service connection`,
			say: func(e evidence.Evidence, _ match) (string, string) {
				return unless(works(e, "containerd"), "the kubelet cannot reach containerd"), "look at containerd (`keelway diagnose`)"
			},
		},
		{
			name: "api-unreachable", weak: true,
			pattern: `dial tcp (\S+): connect: connection refused`,
			say: func(e evidence.Evidence, m match) (string, string) {
				if m.component == "kube-apiserver" || works(e, "kube-apiserver") || !strings.HasSuffix(m.group[1], ":"+strconv.Itoa(e.Port)) {
					return "", ""
				}
				return "nobody answers at " + m.group[1] + ", where " + m.component + " expects the API server", "look at kube-apiserver (`keelway diagnose`)"
			},
		},
		{
			name: "slow-disk", of: []string{"etcd"}, weak: true,
			pattern: `slow fdatasync|apply request took too long|leader failed to send out heartbeat on time`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the disk below /var/lib/etcd is too slow for etcd, or the machine is overloaded", "put " + dataDir + " on a disk of its own, best an SSD"
			},
		},
	}
}

// works is true for a component that is healthy now: what was said about it
// before is over.
func works(e evidence.Evidence, name string) bool {
	for _, c := range e.Components {
		if c.Name == name {
			return c.Health == state.Healthy
		}
	}
	return false
}

func unless(no bool, words string) string {
	if no {
		return ""
	}
	return words
}
