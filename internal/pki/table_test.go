package pki

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTableGolden keeps the whole table, kubeconfigs included, as text.
// KEELWAY_UPDATE_GOLDEN=1 writes it anew.
func TestTableGolden(t *testing.T) {
	cases := kubeadmCases()
	moved := simple()
	moved.Dir, moved.ConfDir, moved.BindPort = "/srv/pki", "/srv/kube", 7443
	cases["moved"] = moved
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			got := tableText(cases[name])
			file := filepath.Join("testdata", "table", name+".txt")
			if os.Getenv("KEELWAY_UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs:\n%s", file, got)
			}
		})
	}
}

func tableText(in Input) string {
	var b strings.Builder
	for _, s := range Table(in) {
		fmt.Fprintf(&b, "%s\n  files %s %s\n  issuer %s %s\n", s.Name, s.CertPath(), s.KeyPath(), s.ParentCertPath(), s.ParentKeyPath())
		fmt.Fprintf(&b, "  CN %s O %v CA %t server %t client %t %s %s\n", s.CommonName, s.Organizations, s.CA, s.Server, s.Client, s.Algorithm, s.Validity)
		fmt.Fprintf(&b, "  DNS %v\n  IP %v\n", s.DNSNames, s.IPs)
	}
	for _, k := range Kubeconfigs(in) {
		fmt.Fprintf(&b, "%s\n  CA %s cluster %s user %s server %s\n", k.Path, k.Client.ParentCertPath(), k.Cluster, k.User, k.Server)
		fmt.Fprintf(&b, "  CN %s O %v server %t client %t %s %s\n", k.Client.CommonName, k.Client.Organizations, k.Client.Server, k.Client.Client, k.Client.Algorithm, k.Client.Validity)
	}
	return b.String()
}

// TestTableExplains holds every entry to having the words that explain shows.
func TestTableExplains(t *testing.T) {
	for _, s := range Table(simple()) {
		if len(s.Readers) == 0 || s.Note == "" {
			t.Errorf("%s lacks readers or note", s.Name)
		}
	}
	for _, k := range Kubeconfigs(simple()) {
		if len(k.Readers) == 0 || k.Note == "" {
			t.Errorf("%s lacks readers or note", k.Path)
		}
	}
}

func TestTableOrder(t *testing.T) {
	seen := map[string]bool{"": true}
	for _, s := range Table(simple()) {
		if !seen[s.Parent] {
			t.Errorf("%s comes before its issuer %s", s.Name, s.Parent)
		}
		seen[s.Base] = true
	}
}

func TestAPIServerNames(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*Input)
		dns, ip string
	}{
		{"plain", func(*Input) {},
			"kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
		{"no domain", func(in *Input) { in.DNSDomain = "" },
			"kubernetes kubernetes.default kubernetes.default.svc node-1", "10.96.0.1 192.0.2.11"},
		{"a user's name that is there already", func(in *Input) { in.APIServerSANs = []string{"NODE-1", "kubernetes"} },
			"kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
		{"addresses keep their order and lose duplicates and leading zeros", func(in *Input) {
			in.APIServerSANs = []string{"198.51.100.9", "010.096.000.001", "::1", "0:0:0:0:0:0:0:1", "198.51.100.9", "::ffff:198.51.100.9"}
		}, "kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11 198.51.100.9 ::1"},
		{"wildcard sorts first", func(in *Input) { in.APIServerSANs = []string{"*.Example.Com"} },
			"*.example.com kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
		{"endpoint by name", func(in *Input) { in.ControlPlaneEndpoint = "api.example.com:443" },
			"api.example.com kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
		{"endpoint by address stands before the user's", func(in *Input) {
			in.ControlPlaneEndpoint, in.APIServerSANs = "192.0.2.100:443", []string{"192.0.2.1"}
		}, "kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11 192.0.2.100 192.0.2.1"},
		{"first family only", func(in *Input) { in.ServiceSubnets = []string{"fd00:1::/112", "10.96.0.0/12"} },
			"kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "fd00:1::1 192.0.2.11"},
		{"range not written at its base", func(in *Input) { in.ServiceSubnets = []string{"10.96.7.9/12"} },
			"kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
		{"smallest range", func(in *Input) { in.ServiceSubnets = []string{"10.96.0.0/30"} },
			"kubernetes kubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local node-1", "10.96.0.1 192.0.2.11"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := simple()
			tc.change(&in)
			if err := in.Validate(); err != nil {
				t.Fatal(err)
			}
			s := find(t, Table(in), "apiserver")
			if got := strings.Join(s.DNSNames, " "); got != tc.dns {
				t.Errorf("DNS %s, want %s", got, tc.dns)
			}
			if got := strings.Trim(fmt.Sprint(s.IPs), "[]"); got != tc.ip {
				t.Errorf("IP %s, want %s", got, tc.ip)
			}
		})
	}
}

func TestServers(t *testing.T) {
	for _, tc := range []struct{ endpoint, advertise, admin, local string }{
		{"", "192.0.2.11", "https://192.0.2.11:6443", "https://192.0.2.11:6443"},
		{"", "::1", "https://[::1]:6443", "https://[::1]:6443"},
		{"api.example.com", "192.0.2.11", "https://api.example.com:6443", "https://192.0.2.11:6443"},
		{"api.example.com:", "192.0.2.11", "https://api.example.com:6443", "https://192.0.2.11:6443"},
		{"api.example.com:443", "192.0.2.11", "https://api.example.com:443", "https://192.0.2.11:6443"},
		{"2001:db8::1", "2001:db8::0:2", "https://[2001:db8::1]:6443", "https://[2001:db8::2]:6443"},
		{"[2001:db8::1]:443", "192.0.2.11", "https://[2001:db8::1]:443", "https://192.0.2.11:6443"},
		{"010.0.0.1:443", "010.0.0.2", "https://10.0.0.1:443", "https://10.0.0.2:6443"},
	} {
		in := simple()
		in.ControlPlaneEndpoint, in.AdvertiseAddress = tc.endpoint, tc.advertise
		if err := in.Validate(); err != nil {
			t.Errorf("%q: %v", tc.endpoint, err)
		}
		for name, want := range map[string]string{
			"admin.conf": tc.admin, "super-admin.conf": tc.admin,
			"kubelet.conf": tc.local, "controller-manager.conf": tc.local, "scheduler.conf": tc.local,
		} {
			if got := findKubeconfig(t, in, name).Server; got != want {
				t.Errorf("endpoint %q: %s calls %s, want %s", tc.endpoint, name, got, want)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		change func(*Input)
		want   string
	}{
		{func(in *Input) { in.NodeName = "" }, "node name is empty"},
		{func(in *Input) { in.AdvertiseAddress = "node-1" }, `advertise address "node-1" is not an IP address`},
		{func(in *Input) { in.BindPort = 70000 }, "bind port 70000 is not between 1 and 65535"},
		{func(in *Input) { in.BindPort = -1 }, "bind port -1 is not"},
		{func(in *Input) { in.ServiceSubnets = nil }, "no service subnet"},
		{func(in *Input) { in.ServiceSubnets = []string{"10.96.0.0"} }, `service subnet "10.96.0.0" is not a CIDR`},
		{func(in *Input) { in.ServiceSubnets = []string{"10.96.0.0/32"} }, `service subnet "10.96.0.0/32" has no room`},
		{func(in *Input) { in.ControlPlaneEndpoint = "[::1]" }, `control plane endpoint "[::1]": host "[::1]" is neither`},
		{func(in *Input) { in.ControlPlaneEndpoint = "API.example.com" }, "nor a lower-case DNS name"},
		{func(in *Input) { in.ControlPlaneEndpoint = "api:0" }, "port 0 is not a number"},
		{func(in *Input) { in.ControlPlaneEndpoint = "api:http" }, "port http is not a number"},
		{func(in *Input) { in.APIServerSANs = []string{"ok", "a b"} }, `apiserver SAN "a b" is neither`},
		{func(in *Input) { in.EtcdServerSANs = []string{"a_b"} }, `etcd server SAN "a_b" is neither`},
		{func(in *Input) { in.EtcdPeerSANs = []string{"https://x"} }, `etcd peer SAN "https://x" is neither`},
		{func(in *Input) { in.Algorithm = "RSA-1024" }, `unknown key algorithm "RSA-1024"`},
		{func(in *Input) { in.Validity = -time.Hour }, "certificate validity -1h0m0s and CA validity 87600h0m0s must be positive"},
	} {
		in := simple()
		tc.change(&in)
		err := in.Validate()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
		// Whatever is wrong, making the table is safe.
		Table(in)
		Kubeconfigs(in)
	}
	if err := simple().Validate(); err != nil {
		t.Error(err)
	}
	both := Input{NodeName: "n"}
	if err := both.Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want both problems at once, got %v", err)
	}
}
