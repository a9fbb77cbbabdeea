package desired_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
)

// peer is the real kubeadm in a folder of its own, which it takes for the
// machine's root.
type peer struct {
	program, root string
}

// newPeer skips the test unless KEELWAY_KUBEADM names the program.
func newPeer(t *testing.T) peer {
	t.Helper()
	program := os.Getenv("KEELWAY_KUBEADM")
	if program == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm, which compat/ builds")
	}
	if os.Getuid() != 0 {
		t.Skip("the real kubeadm changes its root folder here, which only root may do")
	}
	return peer{program: program, root: t.TempDir()}
}

func (p peer) run(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, p.program, append(args, "--rootfs", p.root)...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("kubeadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (p peer) read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.root, path))
	if err != nil {
		t.Errorf("kubeadm wrote no %s: %v", path, err)
	}
	return data
}

// configure gives the peer the model in its own words.
func (p peer) configure(t *testing.T, m *cluster.Model) {
	t.Helper()
	documents := [][]byte{config.Marshal(m.Hosts[0].Init), config.Marshal(m.Cluster)}
	if m.KubeletSupplied {
		documents = append(documents, config.Marshal(m.Kubelet))
	}
	if m.ProxySupplied {
		documents = append(documents, config.Marshal(m.Proxy))
	}
	if err := os.WriteFile(filepath.Join(p.root, "config.yaml"), bytes.Join(documents, []byte("---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range m.Hosts[0].Facts.CAFolders {
		if err := os.MkdirAll(filepath.Join(p.root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (p peer) phase(t *testing.T, words string, more ...string) {
	t.Helper()
	args := append([]string{"init", "phase"}, strings.Fields(words)...)
	p.run(t, append(append(args, "--config", "/config.yaml"), more...)...)
}

// peerCase is a model that the peer is given; change may add what Options do not have.
type peerCase struct {
	options cluster.Options
	change  func(*cluster.Model)
}

func peerCases() map[string]peerCase {
	plain := machine()
	plain.NFTables, plain.CAFolders = false, nil
	few := bare()
	few.CAFolders = []string{"/usr/share/ca-certificates", "/etc/ca-certificates", "/etc/pki/tls/certs"}
	return map[string]peerCase{
		"defaults": {options: cluster.Options{Facts: plain, Profile: cluster.Kubeadm, KeepTaint: true}, change: faster},
		"token": {options: cluster.Options{
			Facts: plain, Profile: cluster.Kubeadm, Token: "abcdef.0123456789abcdef", Now: time.Now(),
		}, change: faster},
		"bare":     {options: cluster.Options{Facts: few, Profile: cluster.Kubeadm}, change: faster},
		"hardened": {options: cluster.Options{Facts: machine()}, change: func(m *cluster.Model) { m.Tuning = cluster.Tuning{} }},
		"custom":   {options: customOptions(plain), change: custom},
		"external": {options: cluster.Options{Facts: plain, Profile: cluster.Kubeadm}, change: external},
		"dual-stack": {options: cluster.Options{
			Facts: plain, Profile: cluster.Kubeadm,
			PodSubnet: "10.244.0.0/16,fd00:10:244::/56", ServiceSubnet: "10.96.0.0/16,fd00:10:96::/112",
		}, change: faster},
	}
}

// faster keeps RSA out of cases that are not about keys.
func faster(m *cluster.Model) { m.Cluster.EncryptionAlgorithm = config.ECDSAP256 }

func customOptions(f cluster.Facts) cluster.Options {
	return cluster.Options{
		Facts: f, Profile: cluster.Kubeadm, NodeName: "control.example.com",
		ControlPlaneEndpoint: "api.example.com", CertSANs: []string{"Web.Example.com", "203.0.113.7", "*.example.com"},
		PodSubnet: "172.20.0.0/16", ServiceSubnet: "172.21.0.0/20", DNSDomain: "corp.example",
		CertificatesDir: "/srv/pki", ImageRepository: "registry.example.com/k8s",
	}
}

func custom(m *cluster.Model) {
	faster(m)
	c := &m.Cluster
	c.APIServer.ExtraArgs = []config.Arg{
		{Name: "v", Value: "2"}, {Name: "allow-privileged", Value: "false"}, {Name: "audit-log-path", Value: "-"},
		{Name: "feature-gates", Value: "A=true"}, {Name: "feature-gates", Value: "B=true"},
	}
	c.APIServer.ExtraVolumes = []config.HostPathMount{
		{Name: "k8s-certs", HostPath: "/srv/other", MountPath: "/srv/pki", PathType: corev1.HostPathDirectory},
		{Name: "aa", HostPath: "/a", MountPath: "/b", ReadOnly: true},
	}
	c.APIServer.ExtraEnvs = []config.EnvVar{{EnvVar: corev1.EnvVar{Name: "Z", Value: "1"}}, {EnvVar: corev1.EnvVar{Name: "A", Value: "2"}}}
	c.ControllerManager.ExtraArgs = []config.Arg{{Name: "bind-address", Value: "0.0.0.0"}}
	c.Scheduler.ExtraArgs = []config.Arg{{Name: "bind-address", Value: "::"}, {Name: "bind-address", Value: "127.0.0.3"}}
	c.Scheduler.ExtraVolumes = []config.HostPathMount{{Name: "kubeconfig", HostPath: "/srv/scheduler.conf", MountPath: "/etc/kubernetes/scheduler.conf", PathType: corev1.HostPathFile}}
	c.Etcd.Local.ExtraArgs = []config.Arg{
		{Name: "listen-metrics-urls", Value: "https://0.0.0.0:2391,http://127.0.0.1:2381"},
		{Name: "advertise-client-urls", Value: "https://etcd.example.com:2379"}, {Name: "quota-backend-bytes", Value: "1"},
	}
	c.Etcd.Local.DataDir = "/srv/etcd"
	c.Etcd.Local.ServerCertSANs, c.Etcd.Local.PeerCertSANs = []string{"etcd.example.com"}, []string{"203.0.113.8"}
	c.Etcd.Local.ImageRepository = "etcd.example.com"
	c.DNS.ImageRepository, c.DNS.ImageTag = "dns.example.com/x", "v9"
	m.Hosts[0].Init.NodeRegistration.KubeletExtraArgs = []config.Arg{{Name: "node-ip", Value: "192.0.2.10"}, {Name: "v", Value: "3"}}
	m.Hosts[0].Init.Timeouts.ControlPlaneComponentHealthCheck.Duration = 125 * time.Second
}

func external(m *cluster.Model) {
	faster(m)
	m.Cluster.Etcd.Local = nil
	m.Cluster.Etcd.External = &config.ExternalEtcd{
		Endpoints: []string{"https://192.0.2.20:2379", "https://192.0.2.21:2379"},
		CAFile:    "/srv/etcd/ca.crt", CertFile: "/srv/etcd/client/tls.crt", KeyFile: "/opt/etcd/tls.key",
	}
	config.DefaultCluster(&m.Cluster)
}

// TestPeer has the real kubeadm make what desired describes, and compares.
func TestPeer(t *testing.T) {
	for name, c := range peerCases() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			listener := listen(t)
			address := listener.Addr().(*net.TCPAddr)
			c.options.AdvertiseAddress, c.options.BindPort = address.IP.String(), int32(address.Port)
			hostname, err := os.Hostname()
			if err != nil {
				t.Fatal(err)
			}
			c.options.Facts.Hostname = hostname
			m, err := cluster.New(c.options)
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(m)
			}
			p.configure(t, m)
			p.phase(t, "certs all")
			p.phase(t, "kubeconfig all")
			if m.Cluster.Etcd.Local != nil {
				p.phase(t, "etcd local")
			}
			p.phase(t, "control-plane all")
			p.phase(t, "kubelet-start")
			host := desired.For(m, 0)
			compareFiles(t, p, host)
			compareTrust(t, p, host)

			pair, err := tls.X509KeyPair(p.read(t, m.Cluster.CertificatesDir+"/apiserver.crt"), p.read(t, m.Cluster.CertificatesDir+"/apiserver.key"))
			if err != nil {
				t.Fatal(err)
			}
			api := newRecorder(t, listener, pair, host.Name)
			for _, words := range []string{"upload-config all", "bootstrap-token", "addon all"} {
				p.phase(t, words, "--kubeconfig", writeLocal(t, p, m))
			}
			p.phase(t, "mark-control-plane")
			compareObjects(t, p, m, host, api)
		})
	}
}

// listen takes a port of an address that is not a loopback one, because
// kubeadm advertises none of those.
func listen(t *testing.T) net.Listener {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil || n.IP.IsLoopback() || n.IP.IsLinkLocalUnicast() {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(n.IP.String(), "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	t.Skip("this machine has no address but the loopback one, and kubeadm advertises none of those")
	return nil
}

// writeLocal is admin.conf with the local server: the shared endpoint of a
// case may have a name that resolves nowhere.
func writeLocal(t *testing.T, p peer, m *cluster.Model) string {
	t.Helper()
	const path = "/local.conf"
	shared := m.Cluster.ControlPlaneURL(m.Hosts[0].Init.LocalAPIEndpoint)
	local := "https://" + m.Hosts[0].Init.LocalAPIEndpoint.HostPort()
	data := strings.ReplaceAll(string(p.read(t, "/etc/kubernetes/admin.conf")), shared, local)
	if err := os.WriteFile(filepath.Join(p.root, path), []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
