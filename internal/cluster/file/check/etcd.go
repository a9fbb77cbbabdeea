package check

import (
	"fmt"
	"maps"
	"slices"

	"keelway.dev/keelway/internal/cluster/file"
)

// etcd checks where its members are, and how many.
func (l *list) etcd(c file.Cluster) {
	e := c.Spec.Etcd
	members := c.Members()
	switch e.Topology {
	case file.Stacked:
		if e.External != nil {
			l.refuse("spec.etcd", "keep spec.etcd.external, or the topology stacked", "a stacked etcd has no external endpoints")
		}
	case file.External:
		if e.External == nil && len(members) == 0 {
			l.refuse("spec.etcd", "give hosts the role etcd, or add spec.etcd.external", "etcd is external, and nothing says where it is")
		}
		if e.External != nil && len(c.With(file.EtcdMember)) > 0 {
			l.refuse("spec.etcd.external", "take the role away, or leave spec.etcd.external out", "%s has the role etcd, and etcd is on others' machines", c.With(file.EtcdMember)[0].Name)
		}
		if e.External != nil && (e.DataDir != "" || len(e.ExtraArgs) > 0) {
			l.refuse("spec.etcd", "leave dataDir and extraArgs out", "they are for members that Keelway makes, and etcd is on others' machines")
		}
		l.alone(c)
	}
	if x := e.External; x != nil && (x.CAFile == "" || x.CertFile == "" || x.KeyFile == "") {
		l.refuse("spec.etcd.external", "", "caFile, certFile and keyFile are needed: anybody could read an etcd without them")
	}
	if n := len(members); n > 0 && n%2 == 0 {
		l.warn("spec.hosts", fmt.Sprintf("have %d or %d", n-1, n+1), "%d members of etcd survive no more failures than %d: %d must be left", n, n-1, n/2+1)
	}
}

// alone refuses a host of etcd's own that is for something else as well: its
// kubelet knows no cluster, and runs nothing but etcd.
func (l *list) alone(c file.Cluster) {
	for i, h := range c.Spec.Hosts {
		if h.Is(file.EtcdMember) && len(h.Roles) > 1 {
			l.refuse(at(i, "roles"), "give etcd a host of its own, or set spec.etcd.topology: stacked", "%s has the role etcd beside others, and where etcd is external its hosts are for it alone", h.Name)
		}
	}
}

// zones warns where the failure of one zone takes etcd's quorum along. Who
// names no zone has nothing to be warned of.
func (l *list) zones(c file.Cluster) {
	members := c.Members()
	count, without := map[string]int{}, ""
	for _, h := range members {
		if h.Zone == "" {
			without = h.Name
			continue
		}
		count[h.Zone]++
	}
	if len(count) == 0 || len(members) < 2 {
		return
	}
	quorum := len(members)/2 + 1
	for _, zone := range slices.Sorted(maps.Keys(count)) {
		if left := len(members) - count[zone]; left < quorum {
			l.warn("spec.hosts", "spread them over three zones", "without the zone %s, %d of %d members of etcd are left, and %d are needed: the cluster fails with that zone", zone, left, len(members), quorum)
		}
	}
	if without != "" {
		l.warn("spec.hosts", "give every member a zone, or none", "%s has a member of etcd and no zone, and others have one: whether they fail together cannot be told", without)
	}
}
