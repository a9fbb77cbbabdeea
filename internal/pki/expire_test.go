package pki

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestExpirations(t *testing.T) {
	in := simple()
	specs, configs := Table(in), Kubeconfigs(in)
	pairs := issueAll(t, clock(), specs)
	files := Files{}
	for _, s := range specs {
		files[s.CertPath()] = pairs[s.Base].CertPEM
		files[s.KeyPath()] = nil
	}
	for i, k := range configs {
		if k.Client.Name == "kubelet.conf" {
			configs[i].ClientFile = kubeletPEM
			file, err := IssueClientFile(rand.Reader, clock().AddDate(0, 1, 0), k, pairs["ca"])
			if err != nil {
				t.Fatal(err)
			}
			files[kubeletPEM] = file
		}
		data, err := IssueKubeconfig(rand.Reader, clock(), configs[i], pairs["ca"])
		if err != nil {
			t.Fatal(err)
		}
		files[k.Path] = data
	}
	// What may go wrong, one of each.
	delete(files, "/etc/kubernetes/pki/apiserver-kubelet-client.crt")
	delete(files, "/etc/kubernetes/pki/front-proxy-ca.key")
	files["/etc/kubernetes/pki/etcd/server.crt"] = []byte("x")
	delete(files, "/etc/kubernetes/super-admin.conf")
	files["/etc/kubernetes/scheduler.conf"] = []byte("x: [")
	token, err := TokenKubeconfig(configs[3], pairs["ca"].Cert, "abcdef.0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	files["/etc/kubernetes/controller-manager.conf"] = token

	now := clock().Add(8760*time.Hour - 36*time.Hour)
	var got strings.Builder
	for _, e := range Expirations(files, specs, configs, now) {
		problem, _, _ := strings.Cut(e.Problem, ": yaml")
		fmt.Fprintf(&got, "%s %s CA %t issuer %q external %t %d days %s %s\n", e.Name, e.Path, e.CA, e.Issuer, e.External, e.Days, e.Left(), problem)
	}
	const want = `ca /etc/kubernetes/pki/ca.crt CA true issuer "" external false 3286 days 9y 
apiserver /etc/kubernetes/pki/apiserver.crt CA false issuer "ca" external false 1 days 36h 
apiserver-kubelet-client /etc/kubernetes/pki/apiserver-kubelet-client.crt CA false issuer "ca" external false 0 days 0s /etc/kubernetes/pki/apiserver-kubelet-client.crt does not exist
front-proxy-ca /etc/kubernetes/pki/front-proxy-ca.crt CA true issuer "" external true 3286 days 9y 
front-proxy-client /etc/kubernetes/pki/front-proxy-client.crt CA false issuer "front-proxy-ca" external true 1 days 36h 
etcd-ca /etc/kubernetes/pki/etcd/ca.crt CA true issuer "" external false 3286 days 9y 
etcd-server /etc/kubernetes/pki/etcd/server.crt CA false issuer "etcd-ca" external false 0 days 0s /etc/kubernetes/pki/etcd/server.crt cannot be read: no PEM certificate in it
etcd-peer /etc/kubernetes/pki/etcd/peer.crt CA false issuer "etcd-ca" external false 1 days 36h 
etcd-healthcheck-client /etc/kubernetes/pki/etcd/healthcheck-client.crt CA false issuer "etcd-ca" external false 1 days 36h 
apiserver-etcd-client /etc/kubernetes/pki/apiserver-etcd-client.crt CA false issuer "etcd-ca" external false 1 days 36h 
admin.conf /etc/kubernetes/admin.conf CA false issuer "ca" external false 1 days 36h 
super-admin.conf /etc/kubernetes/super-admin.conf CA false issuer "ca" external false 0 days 0s /etc/kubernetes/super-admin.conf does not exist
kubelet.conf /var/lib/kubelet/pki/kubelet-client-current.pem CA false issuer "ca" external false 31 days 31d 
controller-manager.conf /etc/kubernetes/controller-manager.conf CA false issuer "ca" external false 0 days 0s /etc/kubernetes/controller-manager.conf holds no client certificate
scheduler.conf /etc/kubernetes/scheduler.conf CA false issuer "ca" external false 0 days 0s /etc/kubernetes/scheduler.conf cannot be used: it is not a kubeconfig
`
	if got.String() != want {
		t.Errorf("got\n%s", got.String())
	}
	files["/etc/kubernetes/admin.conf"] = nil
	if empty := Expirations(files, nil, configs[:1], now); empty[0].Problem != "/etc/kubernetes/admin.conf cannot be used: it is empty" {
		t.Errorf("empty file: %s", empty[0].Problem)
	}
	late := Expirations(files, specs[1:2], nil, clock().Add(8760*time.Hour+49*time.Hour))
	if late[0].Days != -2 || late[0].Left() != "<invalid>" {
		t.Errorf("after expiry: %d days, %s", late[0].Days, late[0].Left())
	}
}
