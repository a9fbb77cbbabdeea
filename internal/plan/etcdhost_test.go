package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// etcdModel is a host that etcd has for itself, with flags of the user's.
func etcdModel(t *testing.T, name, address string, flags ...config.Arg) *cluster.Model {
	t.Helper()
	f := cluster.Fleet{OwnEtcd: true, Now: now}
	f.Cluster.KubernetesVersion = "v1.37.0"
	f.Cluster.Networking.PodSubnet = cluster.DefaultPodSubnet
	f.Cluster.Etcd = config.Etcd{Local: &config.LocalEtcd{ExtraArgs: flags}}
	h := cluster.Host{Roles: []cluster.Role{cluster.EtcdMember}, Facts: cluster.Facts{
		Hostname: name, Addresses: []string{address}, CgroupVersion: 2, NFTables: true, Systemd: true, OOMScoreAdjustable: true}}
	h.Init.LocalAPIEndpoint.AdvertiseAddress = address
	h.Init.NodeRegistration = config.NodeRegistrationOptions{Name: name, CRISocket: config.DefaultCRISocket}
	config.DefaultInit(&h.Init)
	h.Init.BootstrapTokens = nil
	m, err := cluster.NewModels(f).Model(h)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// machineOf is a bare machine for a host.
func machineOf(t *testing.T, m *cluster.Model) *world {
	t.Helper()
	w := &world{t: t, clock: now, in: Inputs{Now: now, Binaries: map[string]string{}}}
	for _, name := range desired.Binaries(m) {
		w.in.Binaries[name] = sum([]byte(name))
	}
	w.seen = observed.Host{
		Now: now, Files: map[string]observed.File{}, Sysctls: map[string]string{}, Services: map[string]observed.Service{},
		Images: map[string]bool{}, Objects: map[string]*unstructured.Unstructured{}, Probes: map[string]observed.Answer{},
	}
	return w
}

// left is what a plan does, in order.
func left(p Plan) string {
	var list []string
	for _, s := range p.Steps {
		list = append(list, fmt.Sprintf("%s %s", s.Change, s.ID()))
	}
	return strings.Join(append(list, p.Refusals...), ", ")
}

// TestEtcdHosts makes a member, has another join it, and changes a flag of both:
// after each there is nothing left to do.
func TestEtcdHosts(t *testing.T) {
	const initial = "e1=https://192.0.2.31:2380,e2=https://192.0.2.32:2380"
	e1, e2 := etcdModel(t, "e1", "192.0.2.31"), etcdModel(t, "e2", "192.0.2.32")
	first, second := machineOf(t, e1), machineOf(t, e2)

	first.want = desired.Etcd(e1, 0, desired.EtcdOptions{})
	p := first.plan()
	if all := left(p); !strings.Contains(all, "create certs/etcd-ca") || !strings.Contains(all, "create etcd/local") || strings.Contains(all, "etcd-join") || len(p.Refusals) > 0 {
		t.Errorf("the first member: %s", all)
	}
	first.do(p)
	if p := first.plan(); !p.Empty() {
		t.Errorf("the first member, again: %s", left(p))
	}

	o := desired.EtcdOptions{Through: []string{"https://192.0.2.31:2379"}, Authority: map[string][]byte{
		"etcd-ca.crt": first.seen.Files["/etc/kubernetes/pki/etcd/ca.crt"].Content, "etcd-ca.key": first.seen.Files["/etc/kubernetes/pki/etcd/ca.key"].Content,
	}}
	second.want = desired.Etcd(e2, 0, o)
	p = second.plan()
	i := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Resource.Member != nil })
	if i < 0 || len(p.Refusals) > 0 || strings.Contains(left(p), "etcd/local") {
		t.Fatalf("one more member: %s", left(p))
	}
	second.do(p)
	manifest := p.Steps[i].Resource.Member.Manifest
	content := []byte(strings.ReplaceAll(string(manifest.Content), p.Steps[i].Resource.Member.Placeholder, initial))
	second.write(manifest.Path, manifest.Mode, content, sum(content))
	if have := left(second.plan()); have != "update etcd-join/member" {
		t.Errorf("a member without a vote: %s", have)
	}
	second.seen.Probes["etcd-join/member"] = observed.Answer{OK: true}
	o.Initial = initial
	second.want = desired.Etcd(e2, 0, o)
	if p := second.plan(); !p.Empty() {
		t.Errorf("one more member, again: %s", left(p))
	}

	quota := config.Arg{Name: "quota-backend-bytes", Value: "8589934592"}
	first.want = desired.Etcd(etcdModel(t, "e1", "192.0.2.31", quota), 0, desired.EtcdOptions{})
	second.want = desired.Etcd(etcdModel(t, "e2", "192.0.2.32", quota), 0, o)
	for _, w := range []*world{first, second} {
		p := w.plan()
		if have := left(p); have != "update etcd/local" {
			t.Errorf("another flag: %s", have)
		}
		w.do(p)
		if p := w.plan(); !p.Empty() {
			t.Errorf("another flag, again: %s", left(p))
		}
	}
}
