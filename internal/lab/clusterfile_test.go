package lab

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"keelway.dev/keelway/internal/cluster/file/load"
)

func TestClusterFile(t *testing.T) {
	t.Parallel()
	l := &Lab{Name: "demo", Hosts: []Host{
		{Name: "cp1", Role: ControlPlane, Address: netip.MustParseAddr("198.18.3.10")},
		{Name: "w1", Role: Worker, Address: netip.MustParseAddr("198.18.3.11")},
		{Name: "lb1", Role: LoadBalancer, Address: netip.MustParseAddr("198.18.3.12")},
	}}
	for golden, hosts := range map[string][]Host{"cluster.yaml": l.Hosts, "cluster-no-loadbalancer.yaml": l.Hosts[:2]} {
		some := &Lab{Name: l.Name, Hosts: hosts}
		got, err := some.clusterFile("v1.37.0", []string{"ssh-ed25519 AAAAone", "ssh-ed25519 AAAAtwo", "ssh-ed25519 AAAAthree"})
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", golden))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s", golden, got)
		}
	}
}

// TestClusterFileIsOne: what a lab writes is a cluster file without an error,
// whichever hosts it has.
func TestClusterFileIsOne(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pinned := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	for _, roles := range [][]Role{
		{ControlPlane}, {ControlPlane, Worker}, {ControlPlane, ControlPlane, ControlPlane, Worker},
		{ControlPlane, ControlPlane, ControlPlane, Worker, Worker, LoadBalancer}, {ControlPlane, Worker, LoadBalancer, LoadBalancer},
	} {
		l := &Lab{Name: "demo"}
		var keys []string
		address := netip.MustParseAddr("198.18.3.10")
		for i, r := range roles {
			l.Hosts = append(l.Hosts, Host{Name: fmt.Sprintf("h%d", i), Role: r, Address: address})
			keys, address = append(keys, pinned), address.Next()
		}
		text, err := l.clusterFile("v1.37.0", keys)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := load.Read("cluster.yaml", text, load.Options{}); err != nil {
			t.Errorf("%v: %v", roles, err)
		}
	}
}

func TestClusterFileOfTheUserStays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := writeNew(path, []byte("a: 1\n")); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(path, []byte("a: 1\n")); err != nil {
		t.Errorf("the same content again: %v", err)
	}
	var exists *FileExistsError
	if err := writeNew(path, []byte("a: 2\n")); !errors.As(err, &exists) || exists.Path != path {
		t.Errorf("other content: %v", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "a: 1\n" {
		t.Errorf("the user's file became %q", got)
	}
}
