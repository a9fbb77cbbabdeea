package fleet

import (
	"context"
	"net"
	"regexp"
	"slices"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// founder is the host of etcd's own whose member was not added to others, or
// is to be the first of all; nil once that one has left.
func (f *Fleet) founder() *node {
	var fresh *node
	for _, n := range f.nodes {
		switch {
		case !n.etcdAlone():
		case n.member && !n.joined:
			return n
		case fresh == nil:
			fresh = n
		}
	}
	if f.etcdHolder() != nil {
		return nil
	}
	return fresh
}

// etcdHolder is a host of etcd's own that has a member and can be read, the one
// that does not depend on others first; nil while there is none.
func (f *Fleet) etcdHolder() *node {
	var holder *node
	for _, n := range f.nodes {
		if n.etcdAlone() && n.member && n.lost == nil && (holder == nil || holder.joined && !n.joined) {
			holder = n
		}
	}
	return holder
}

// etcdHost is what a host of etcd's own must hold: the founder makes the
// authority and begins alone, and every other one joins those that are there.
func (f *Fleet) etcdHost(n *node, shared map[string][]byte) desired.Host {
	if n.part == plan.Founder {
		return desired.Etcd(n.model, 0, desired.EtcdOptions{})
	}
	o := desired.EtcdOptions{Authority: shared}
	if n.joined {
		o.Initial = n.initial
	}
	o.Through = f.through(n, func(other *node) bool { return other.etcdAlone() && (other.member || other.part == plan.Founder) })
	return desired.Etcd(n.model, 0, o)
}

// through are the client URLs of the members by which a host joins etcd.
func (f *Fleet) through(n *node, is func(*node) bool) []string {
	var urls []string
	for _, other := range f.nodes {
		if other != n && is(other) {
			urls = append(urls, other.etcdURL())
		}
	}
	return urls
}

func (n *node) etcdURL() string {
	return "https://" + net.JoinHostPort(n.Init.LocalAPIEndpoint.AdvertiseAddress, "2379")
}

// etcdFirst brings etcd's own hosts to what they must hold, one after the other,
// and tells whether the control planes may be looked after in the same round:
// what a new etcd's authority is, they learn in the next one.
func (f *Fleet) etcdFirst(ctx context.Context, hosts []*node, run func(*node, desired.Host) error) bool {
	founding := f.etcdHolder() == nil
	for _, n := range hosts {
		if founding && n.part != plan.Founder {
			continue
		}
		if ctx.Err() != nil || run(n, n.want) != nil {
			return false
		}
	}
	return !founding && !slices.ContainsFunc(hosts, func(n *node) bool { return n.lost != nil })
}

// initialOf is --initial-cluster in the static pod of a member.
func initialOf(manifest string) string {
	found := regexp.MustCompile(`--initial-cluster=(\S+)`).FindStringSubmatch(manifest)
	if found == nil {
		return ""
	}
	return found[1]
}
