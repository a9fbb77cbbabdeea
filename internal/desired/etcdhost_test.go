package desired_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
)

// apart is a host of a cluster whose etcd has hosts of its own.
func apart(t *testing.T, roles ...cluster.Role) *cluster.Model {
	t.Helper()
	f := cluster.Fleet{OwnEtcd: true}
	f.Cluster.KubernetesVersion = "v1.37.0"
	f.Cluster.Networking.PodSubnet = cluster.DefaultPodSubnet
	f.Cluster.Etcd.External = &config.ExternalEtcd{
		Endpoints: []string{"https://192.0.2.31:2379", "https://192.0.2.32:2379"},
		CAFile:    "/etc/kubernetes/pki/etcd/ca.crt", CertFile: "/etc/kubernetes/pki/apiserver-etcd-client.crt", KeyFile: "/etc/kubernetes/pki/apiserver-etcd-client.key",
	}
	if slices.Contains(roles, cluster.EtcdMember) {
		f.Cluster.Etcd = config.Etcd{Local: &config.LocalEtcd{}}
	}
	h := cluster.Host{Roles: roles, Facts: machine()}
	h.Init.LocalAPIEndpoint.AdvertiseAddress = h.Facts.Addresses[0]
	h.Init.NodeRegistration = config.NodeRegistrationOptions{Name: "machine", CRISocket: config.DefaultCRISocket}
	config.DefaultInit(&h.Init)
	h.Init.BootstrapTokens = nil
	m, err := cluster.NewModels(f).Model(h)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func authority() map[string][]byte {
	return map[string][]byte{"etcd-ca.crt": []byte("its certificate"), "etcd-ca.key": []byte("its key"), "ca.crt": []byte("ca"), "ca.key": []byte("ca's key")}
}

// TestEtcdHosts: what stands on what on etcd's own hosts, and on the control
// planes over them; and that each resource is whole.
func TestEtcdHosts(t *testing.T) {
	join, err := phase.Select(phase.Join(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	member, control := apart(t, cluster.EtcdMember), apart(t, cluster.ControlPlane)
	joining, err := desired.Join(control, 0, desired.JoinOptions{Run: join, CA: []byte("ca"), Shared: authority()})
	if err != nil {
		t.Fatal(err)
	}
	through := []string{"https://192.0.2.31:2379"}
	const server, client, ca = "/etc/kubernetes/pki/etcd/server.crt", "/etc/kubernetes/pki/apiserver-etcd-client.crt", "/etc/kubernetes/pki/etcd/ca.key"
	for _, row := range []struct {
		name string
		host desired.Host
		// order lists what stands on what; has and lacks are paths.
		order      [][2]string
		has, lacks []string
	}{
		{"the first member", desired.Etcd(member, 0, desired.EtcdOptions{}),
			[][2]string{{"kubelet-start/kubelet", "etcd/local"}, {"etcd/local", "certs/etcd-server"}, {"certs/etcd-server", "certs/etcd-ca"}, {"etcd/ready", "kubelet-start/kubelet"}},
			[]string{server, ca}, []string{client, "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/kubelet.conf"}},
		{"one more member", desired.Etcd(member, 0, desired.EtcdOptions{Authority: authority(), Through: through}),
			[][2]string{{"etcd-join/member", "check-etcd/healthy"}, {"etcd-join/member", "kubelet-start/kubelet"}, {"certs/etcd-server", "certs/etcd-ca"}, {"etcd/ready", "etcd-join/member"}},
			[]string{server, ca}, []string{client}},
		{"a member that has joined", desired.Etcd(member, 0, desired.EtcdOptions{Authority: authority(), Through: through, Initial: "a=https://192.0.2.31:2380"}),
			[][2]string{{"etcd/local", "etcd-join/member"}}, []string{server}, []string{client}},
		{"the first control plane", desired.For(control, 0).WithEtcdAuthority(control, authority()),
			[][2]string{{"control-plane/apiserver", "certs/apiserver-etcd-client"}, {"certs/apiserver-etcd-client", "certs/etcd-ca"}},
			[]string{client, ca}, []string{server, "/etc/kubernetes/manifests/etcd.yaml"}},
		{"one more control plane", joining,
			[][2]string{{"certs/apiserver-etcd-client", "control-plane-prepare/download-certs"}, {"control-plane/apiserver", "certs/apiserver-etcd-client"}},
			[]string{client, ca}, []string{server, "/etc/kubernetes/manifests/etcd.yaml"}},
	} {
		for _, o := range row.order {
			if !reach(row.host, o[0], o[1]) {
				t.Errorf("%s: %s does not stand on %s", row.name, o[0], o[1])
			}
		}
		var paths, folders []string
		seen := map[string]bool{}
		for _, r := range row.host.Resources {
			if seen[r.ID] || r.Component == "" || r.What == "" || !strings.HasSuffix(r.Why, ".") {
				t.Errorf("%s: %s is there twice, or not whole", row.name, r.ID)
			}
			seen[r.ID] = true
			for _, f := range r.Files {
				if f.Mode.IsDir() {
					folders = append(folders, f.Path)
				}
				if strings.HasSuffix(f.Path, ".key") && (f.Mode != fs.FileMode(0o600) || !f.Secret) {
					t.Errorf("%s: %s is open, or shown", row.name, f.Path)
				}
			}
			paths = append(paths, r.Paths()...)
		}
		for i, p := range paths {
			if key := strings.TrimSuffix(p, ".crt") + ".key"; key != p && slices.Contains(paths[i:], key) {
				t.Errorf("%s: %s is written before its key: half of it would look like an authority whose key is elsewhere", row.name, p)
			}
		}
		for _, p := range row.has {
			if !slices.Contains(paths, p) || !slices.Contains(folders, path.Dir(p)) {
				t.Errorf("%s: %s, or its folder, is not there", row.name, p)
			}
		}
		for _, p := range row.lacks {
			if slices.Contains(paths, p) {
				t.Errorf("%s: %s is there", row.name, p)
			}
		}
	}
	if images := desired.Images(control); slices.ContainsFunc(images, func(i string) bool { return strings.Contains(i, "/etcd:") }) {
		t.Errorf("a control plane without a member has etcd's image: %v", images)
	}
	if url := desired.EtcdHealth(member, 0); url != "http://127.0.0.1:2381/readyz" {
		t.Errorf("a member's health is asked at %s", url)
	}
}
