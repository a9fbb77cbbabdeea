package fleet

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
)

// member is a host of etcd's own, by words for what was seen of it.
func member(name, seen string) *node {
	n := &node{Node: file.Node{Host: file.Host{Name: name, Roles: []file.Role{file.EtcdMember}}, Roles: []cluster.Role{cluster.EtcdMember}}}
	n.Init.NodeRegistration.Name = name
	n.Init.LocalAPIEndpoint.AdvertiseAddress = "192.0.2." + strings.TrimPrefix(name, "e")
	n.member = seen == "founded" || seen == "joined"
	n.joined = seen == "joined"
	if seen == "lost" {
		n.lost = errors.New("no route to host")
	}
	if n.joined {
		n.initial = "e1=https://192.0.2.1:2380"
	}
	f := cluster.Fleet{OwnEtcd: true}
	f.Cluster.KubernetesVersion = "v1.37.0"
	f.Cluster.Networking.PodSubnet = cluster.DefaultPodSubnet
	f.Cluster.Etcd = config.Etcd{Local: &config.LocalEtcd{}}
	config.DefaultInit(&n.Init)
	n.model, _ = cluster.NewModels(f).Model(cluster.Host{Init: n.Init, Roles: n.Roles})
	return n
}

// TestEtcdHosts: who founds the etcd and who joins whom, whatever is there.
func TestEtcdHosts(t *testing.T) {
	for name, row := range map[string]struct {
		seen [3]string
		// want is what each does: make, keep, or whom it joins.
		want, holder string
	}{
		"bare machines":                           {[3]string{"", "", ""}, "make, join e1, join e1", ""},
		"the first is there":                      {[3]string{"founded", "", ""}, "make, join e1, join e1", "e1"},
		"one has joined":                          {[3]string{"founded", "joined", ""}, "make, keep, join e1 e2", "e1"},
		"the first is a new machine":              {[3]string{"", "joined", "joined"}, "join e2 e3, keep, keep", "e2"},
		"the file's order is another":             {[3]string{"joined", "founded", ""}, "keep, make, join e1 e2", "e2"},
		"the one that is there cannot be reached": {[3]string{"lost", "joined", "joined"}, "join e2 e3, keep, keep", "e2"},
	} {
		f := &Fleet{}
		for i, seen := range row.seen {
			f.nodes = append(f.nodes, member(fmt.Sprintf("e%d", i+1), seen))
		}
		f.parts()
		var does []string
		for _, n := range f.nodes {
			does = append(does, doing(f.etcdHost(n, map[string][]byte{"etcd-ca.crt": []byte("ca"), "etcd-ca.key": []byte("key")}), n.part))
		}
		if got := strings.Join(does, ", "); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
		holder := ""
		if n := f.etcdHolder(); n != nil {
			holder = n.name()
		}
		if holder != row.holder {
			t.Errorf("%s: the authority is read from %q, want %q", name, holder, row.holder)
		}
	}
}

// doing says what a host of etcd's own is to do.
func doing(h desired.Host, part plan.Part) string {
	join, local := "", false
	for _, r := range h.Resources {
		local = local || r.ID == "etcd/local"
		if r.Member != nil {
			join = "join"
			for _, u := range r.Member.Through {
				join += " e" + strings.TrimSuffix(strings.TrimPrefix(u, "https://192.0.2."), ":2379")
			}
		}
	}
	switch {
	case part == plan.Founder && local && join == "":
		return "make"
	case part == plan.Member && local && join != "":
		return "keep"
	case part == plan.Member:
		return join
	}
	return "nothing that can be"
}

func TestInitialOf(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"    - --initial-cluster-state=existing\n    - --name=a\n":                                                                            "",
		"    - --name=a\n    - --initial-cluster=a=https://192.0.2.1:2380,b=https://192.0.2.2:2380\n    - --initial-cluster-state=existing\n": "a=https://192.0.2.1:2380,b=https://192.0.2.2:2380",
	} {
		if got := initialOf(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
