package fleet

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
)

const three = "cp1=https://192.0.2.1:2380,cp2=https://192.0.2.2:2380,cp3=https://192.0.2.3:2380"

// control is a control plane, by words for what was seen of it.
func control(name, seen string) *node {
	n := &node{Node: file.Node{Host: file.Host{Name: name, Roles: []file.Role{file.ControlPlane}}, Roles: []cluster.Role{cluster.ControlPlane, cluster.Worker}}}
	n.Init.NodeRegistration.Name = name
	n.Init.LocalAPIEndpoint.AdvertiseAddress = "192.0.2." + strings.TrimPrefix(name, "cp")
	words := strings.Fields(seen)
	has := func(word string) bool { return strings.Contains(seen, word) }
	n.member, n.serving, n.begun, n.made = has("member"), has("serves"), has("api"), has("made")
	for _, w := range words {
		if strings.Contains(w, "=") {
			n.initial, n.member = w, true
		}
	}
	n.joined = has("added") || strings.Contains(n.initial, ",") && !n.made
	n.begun = n.begun || has("added")
	f := cluster.Fleet{}
	f.Cluster.KubernetesVersion = "v1.37.0"
	f.Cluster.Networking.PodSubnet = cluster.DefaultPodSubnet
	f.Cluster.Etcd = config.Etcd{Local: &config.LocalEtcd{}}
	config.DefaultInit(&n.Init)
	n.model, _ = cluster.NewModels(f).Model(cluster.Host{Init: n.Init, Roles: n.Roles})
	if has("lost") {
		n.lost = errors.New("no route to host")
	}
	return n
}

// TestBegins: who makes etcd together, whatever an earlier apply left. Only where
// none of them can hold anything yet may a member begin with no data.
func TestBegins(t *testing.T) {
	const one = "cp1=https://192.0.2.1:2380"
	for name, row := range map[string]struct {
		seen   []string
		want   string
		broken bool
	}{
		"bare machines":                          {[]string{"", "", ""}, "cp1 cp2 cp3", false},
		"one bare machine":                       {[]string{""}, "", false},
		"one cannot be reached":                  {[]string{"", "", "lost"}, "", false},
		"the first was begun":                    {[]string{"made " + three, "", ""}, "cp1 cp2 cp3", false},
		"another was begun":                      {[]string{"", three, ""}, "cp1 cp2 cp3", false},
		"all were begun":                         {[]string{"made " + three, three, three}, "cp1 cp2 cp3", false},
		"all were begun, and the first has more": {[]string{"made api " + three, three, three}, "", false},
		"the first serves":                       {[]string{"made api serves " + three, three, ""}, "", false},
		"an API server was there, and is down":   {[]string{"made " + three, "api " + three, ""}, "", false},
		"the first was begun alone":              {[]string{"made " + one, "", ""}, "", false},
		"others were added to it":                {[]string{"made " + one, "added " + three, ""}, "", false},
		"the first is gone, others were added":   {[]string{"", "added " + three, "added " + three}, "", false},
		"one was taken out of the file":          {[]string{"made " + three, three}, "cp1 cp2", false},
		"all others were taken out":              {[]string{"made " + three}, "cp1", true},
		"one more is in the file":                {[]string{"made " + three, three, "", ""}, "cp1 cp2 cp3", false},
	} {
		f := &Fleet{}
		for i, seen := range row.seen {
			f.nodes = append(f.nodes, control(fmt.Sprintf("cp%d", i+1), seen))
		}
		f.parts()
		f.begins()
		var names []string
		for _, n := range f.together {
			names = append(names, n.name())
			if got := n.model.Hosts[0].Initial; got != three {
				t.Errorf("%s: %s begins with %q", name, n.name(), got)
			}
		}
		if got := strings.Join(names, " "); got != row.want || row.broken != (f.broken != "") {
			t.Errorf("%s: %q begin together, %q; want %q", name, got, f.broken, row.want)
		}
		for _, n := range f.nodes {
			if got := n.model.Hosts[0].Initial; got != "" && len(names) == 0 && got != n.initial {
				t.Errorf("%s: %s is to have --initial-cluster=%s, and has %s", name, n.name(), got, n.initial)
			}
		}
	}
	// The first was replaced by another machine before it made anything.
	f := &Fleet{nodes: []*node{control("cp4", ""), control("cp2", three), control("cp3", three)}}
	f.parts()
	if f.begins(); f.broken == "" {
		t.Error("a machine that etcd does not name makes the cluster")
	}
}
