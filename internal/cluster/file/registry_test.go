package file_test

import (
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/file/load"
)

// TestNoProxy: what is in the cluster is never asked for by a proxy, and a host
// that is added changes nothing where the hosts' network is named.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	const head = `apiVersion: keelway.dev/v1
kind: Cluster
metadata: {name: a}
spec:
  kubernetesVersion: v1.37.0
  endpoint: api.example:6443
  hosts:
  - {name: cp1, address: 192.0.2.11, roles: [controlplane]}
  - {name: w1, address: 192.0.2.12, roles: [worker]}
  proxies: {https: 'http://proxy:3128', noProxy: [.corp.example]}
`
	const always = ".corp.example,localhost,127.0.0.1,::1,10.244.0.0/16,10.96.0.0/12,.svc,.cluster.local,api.example"
	for _, row := range []struct{ more, want string }{
		{"", always + ",192.0.2.11,192.0.2.12"},
		{"  network: {nodes: [192.0.2.0/24]}\n", always + ",192.0.2.0/24"},
	} {
		l, err := load.Read("a", []byte(head+row.more), load.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := l.Cluster.Documents()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range d.Registries.Proxy {
			got = append(got, v.Name+"="+v.Value)
		}
		if want := "HTTPS_PROXY=http://proxy:3128 NO_PROXY=" + row.want; strings.Join(got, " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
