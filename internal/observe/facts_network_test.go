package observe_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
)

// The ip command is asked when /proc leaves a doubt, and only then.
func TestNetworkDoubt(t *testing.T) {
	const ip = `[{"ifname":"lo","addr_info":[{"local":"127.0.0.1"}]},
		{"ifname":"ens3","addr_info":[{"local":"10.0.0.9"},{"local":"10.0.0.7"},{"local":"2001:db8::9","temporary":true}]}]`
	second := strings.Replace(trieText, "10.244.0.1\n", "10.0.0.9\n", 1)
	outside := strings.Replace(trieText, "10.244.0.1\n", "203.0.113.5\n", 1)
	rows := []struct {
		name, trie, answer string
		code               int
		want               []string
		asked              bool
	}{
		{"one address a link", trieText, ip, 0, []string{"10.0.0.7", "2001:db8::7", "192.168.1.7"}, false},
		{"two addresses on a link", second, ip, 0, []string{"10.0.0.9", "10.0.0.7"}, true},
		{"two addresses and an old ip", second, "", 255, []string{"10.0.0.7", "10.0.0.9", "2001:db8::7", "192.168.1.7"}, true},
		{"two addresses and words that are no JSON", second, "hello", 0, []string{"10.0.0.7", "10.0.0.9", "2001:db8::7", "192.168.1.7"}, true},
		{"an address in no range", outside, "", 255, []string{"10.0.0.7", "2001:db8::7", "203.0.113.5", "192.168.1.7"}, true},
	}
	for _, r := range rows {
		m := newMachine(t)
		m.put("/proc/net/fib_trie", r.trie)
		m.Answer(r.answer, r.code, "ip", "-json", "address", "show")
		n, err := observe.ReadNetwork(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range n.Global() {
			got = append(got, a.IP.String())
		}
		if !reflect.DeepEqual(got, r.want) {
			t.Errorf("%s: got %v, want %v", r.name, got, r.want)
		}
		if asked := len(m.Ran()) > 0; asked != r.asked {
			t.Errorf("%s: asked ip: %v, want %v", r.name, asked, r.asked)
		}
	}
}

func TestRoutes(t *testing.T) {
	n, err := observe.ReadNetwork(t.Context(), newMachine(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range n.Routes {
		via := ""
		if r.Gateway.IsValid() {
			via = " via " + r.Gateway.String()
		}
		got = append(got, r.Prefix.String()+via+" dev "+r.Interface)
	}
	want := []string{
		"0.0.0.0/0 via 10.0.0.1 dev ens3", "10.0.0.0/24 dev ens3", "192.168.1.0/24 dev ens4", "10.244.0.0/24 dev cni0",
		"2001:db8::/64 dev ens3", "::/0 via 2001:db8::1 dev ens3",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if n.DefaultInterface() != "ens3" {
		t.Errorf("default interface %q", n.DefaultInterface())
	}
}

func TestContainerLink(t *testing.T) {
	for name, want := range map[string]bool{
		"cni0": true, "flannel.1": true, "docker0": true, "br-0123456789ab": true, "cali12": true, "virbr0": true, "kube-ipvs0": true, "lo": true,
		"eth0": false, "br0": false, "br-lan": false, "bond0": false, "host0": false, "wg0": false, "enp1s0.10": false,
	} {
		if got := observe.ContainerLink(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// On the real machine the addresses are those that the kernel gives to Go, and
// the facts do not contradict what Go knows.
func TestFactsHere(t *testing.T) {
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	f, err := observe.Facts(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range f.Addresses {
		if !slices.ContainsFunc(all, func(n net.Addr) bool { return n.(*net.IPNet).IP.String() == a }) {
			t.Errorf("%s is not an address of this machine: %v", a, all)
		}
	}
	if name, _ := os.Hostname(); f.Hostname != name {
		t.Errorf("host name %q, want %q", f.Hostname, name)
	}
	if f.Interface != "" {
		link, err := net.InterfaceByName(f.Interface)
		if err != nil || link.MTU != f.MTU {
			t.Errorf("%s has MTU %d, want %+v %v", f.Interface, f.MTU, link, err)
		}
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/var/lib", &fs); err != nil {
		t.Fatal(err)
	}
	if free := 100 * float64(fs.Bavail) / float64(fs.Blocks); free-f.DiskFreePercent > 1 || f.DiskFreePercent-free > 1 {
		t.Errorf("%.2f %% of the disk is free, want %.2f", f.DiskFreePercent, free)
	}
}

// TestFactsInNamespace looks at a network namespace with two real links, from
// a copy of this program that runs in it.
func TestFactsInNamespace(t *testing.T) {
	const mark = "KEELWAY_TEST_IN_NAMESPACE"
	if os.Getenv(mark) != "" {
		inNamespace(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a network namespace")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the ip command, to make links")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestFactsInNamespace$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFactsInNamespace") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func inNamespace(t *testing.T) {
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	facts := func() cluster.Facts {
		t.Helper()
		f, err := observe.Facts(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := facts(); f.ConntrackWritable || len(f.Addresses) != 0 || f.Interface != "" {
		t.Errorf("in an empty namespace: %+v", f)
	}
	ip := func(words ...string) {
		t.Helper()
		if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", words, err, out)
		}
	}
	ip("link", "add", "wan0", "type", "veth", "peer", "name", "lan0")
	// The higher address is the first on its link, so it is the primary one.
	ip("address", "add", "198.51.100.9/24", "dev", "wan0")
	ip("address", "add", "198.51.100.3/24", "dev", "wan0")
	ip("address", "add", "192.0.2.3/24", "dev", "lan0")
	ip("link", "add", "cni0", "type", "bridge")
	ip("address", "add", "10.244.0.1/24", "dev", "cni0")
	for _, link := range []string{"lo", "wan0", "lan0", "cni0"} {
		ip("link", "set", link, "up")
	}
	ip("link", "set", "wan0", "mtu", "1400")
	ip("route", "add", "default", "via", "198.51.100.1")
	want := []string{"198.51.100.9", "198.51.100.3", "192.0.2.3"}
	if f := facts(); !reflect.DeepEqual(f.Addresses, want) || f.Interface != "wan0" || f.MTU != 1400 {
		b, _ := json.Marshal(f)
		t.Errorf("want %v on wan0 with 1400, got %s", want, b)
	}
	n, err := observe.ReadNetwork(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(n.Addresses, func(a observe.Address) bool {
		return a.Interface == "cni0" && a.IP == netip.MustParseAddr("10.244.0.1")
	}) {
		t.Errorf("cni0's own address is missing: %+v", n.Addresses)
	}
}
