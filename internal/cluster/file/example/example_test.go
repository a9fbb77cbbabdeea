package example_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/file/example"
	"keelway.dev/keelway/internal/cluster/file/load"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestText: every example is a cluster file without an error, as it is and with
// all that is commented out.
func TestText(t *testing.T) {
	t.Parallel()
	for _, row := range []example.Options{
		{ControlPlanes: 1},
		{ControlPlanes: 1, Workers: 2},
		{ControlPlanes: 3, Workers: 3},
		{ControlPlanes: 3, Workers: 2, LoadBalancers: 1},
		{ControlPlanes: 2, Workers: 1, EtcdMembers: 3},
		{ControlPlanes: 5, Workers: 90, LoadBalancers: 2},
		{ControlPlanes: 1, Workers: 1, Addresses: []string{"10.0.0.1", "10.0.0.2"}},
	} {
		row.Name, row.KubernetesVersion = "demo", "v1.37.0"
		text, err := example.Text(row)
		if err != nil {
			t.Errorf("%+v: %v", row, err)
			continue
		}
		l, err := load.Read("cluster.yaml", text, load.Options{})
		if err != nil {
			t.Errorf("%+v: %v", row, err)
			continue
		}
		if len(l.Warnings) > 0 || len(l.Cluster.Spec.Hosts) != row.ControlPlanes+row.Workers+row.LoadBalancers+row.EtcdMembers {
			t.Errorf("%+v: %d hosts, warnings %v", row, len(l.Cluster.Spec.Hosts), l.Warnings)
		}
		whole := uncomment(string(text))
		if l, err = load.Read("cluster.yaml", []byte(whole), beside()); err != nil {
			t.Errorf("%+v: with all that is commented out: %v\n%s", row, err, whole)
		} else if s := l.Cluster.Spec; s.Patches.Directory == "" || s.Kubelet.Config == nil || s.Hosts[0].Zone == "" || s.SSH == nil || len(l.Addons) == 0 || len(s.Hooks.AfterHost) == 0 || s.Proxies.HTTP+s.Proxies.HTTPS == "" || len(s.Mirrors) == 0 {
			t.Errorf("%+v: not all that is commented out was put in:\n%s", row, whole)
		}
	}
}

// beside is a folder of manifests beside the cluster file.
func beside() load.Options {
	return load.Options{
		List: func(dir string) ([]string, error) { return []string{dir + "/web.yaml"}, nil },
		ReadFile: func(string) ([]byte, error) {
			return []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"), nil
		},
	}
}

// uncomment puts in what is commented out: lines with a field or an item.
func uncomment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		before, after, found := strings.Cut(line, "# ")
		name, _, field := strings.Cut(strings.TrimLeft(after, " -{"), ":")
		if found && strings.TrimSpace(before) == "" && before != "" && field && !strings.Contains(name, " ") && name != "Roles" {
			line = before + strings.Replace(after, "hostKey: ssh-ed25519 AAAA...", "user: root", 1)
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]example.Options{
		"one control plane or more":      {Workers: 3},
		"0 addresses for 1 hosts":        {ControlPlanes: 1, Addresses: []string{}},
		"there are not 301 addresses":    {ControlPlanes: 1, Workers: 300},
		"-1 load balancers were asked":   {ControlPlanes: 1, LoadBalancers: -1},
		"control planes first, then wor": {ControlPlanes: 2, Addresses: []string{"10.0.0.1"}},
	} {
		if _, err := example.Text(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	got, err := example.Text(example.Options{Name: "demo", KubernetesVersion: "v1.37.0", ControlPlanes: 3, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "cluster.yaml")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the example is another (go test -update writes it): %v\n%s", err, got)
	}
}
