package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// TestLabNetwork parts and heals the network of a lab of three hosts, cuts the
// power of one in between, reads the cluster file that was written for them, and
// looks what is left when the lab is deleted while it is parted.
func TestLabNetwork(t *testing.T) {
	enabled(t)
	before := look(t)
	t.Cleanup(func() {
		cmd := exec.CommandContext(context.Background(), program(t), "lab", "delete", "--lab", "parts", "--yes")
		if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "there is no lab") {
			t.Errorf("lab delete: %v\n%s", err, out)
		}
		left := slices.DeleteFunc(difference(before, look(t)), func(line string) bool {
			return strings.Contains(line, "/var/lib/keelway-lab/") && !strings.Contains(line, "/parts") // another lab is at work
		})
		if len(left) > 0 {
			t.Errorf("the lab left behind:\n%s", strings.Join(left, "\n"))
		}
	})
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	create := []string{"lab", "create", "--lab", "parts", "--controlplanes", "1", "--workers", "1", "--loadbalancers", "1", "--file", file}
	must(t, create...)
	clusterFile(t, file)
	must(t, create...) // nothing is left to do
	if err := os.WriteFile(file, []byte("kind: Mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, create...); r.code != 1 || !strings.Contains(r.err, "was left as it is") {
		t.Errorf("a file of the user's: exit code %d\n%s", r.code, r.err)
	}

	hosts := []string{"cp1", "w1", "lb1"}
	// reach says who reaches whom; groups are the hosts that do, and a partition
	// that is reported is the one that is felt.
	reach := func(when string, groups ...[]string) {
		t.Helper()
		side := map[string]int{}
		for i, g := range groups {
			for _, h := range g {
				side[h] = i + 1
			}
		}
		for _, from := range hosts {
			for _, to := range hosts {
				if from == to {
					continue
				}
				want := side[from] == side[to]
				got := tcp(t, from, to)
				for end := time.Now().Add(10 * time.Second); want && !got && time.Now().Before(end); {
					got = tcp(t, from, to) // who asked for an address in vain asks again a second later
				}
				if got != want {
					t.Errorf("%s: %s reaches %s: %v", when, from, to, got)
				}
			}
		}
		var said struct{ Groups [][]string }
		if err := json.Unmarshal([]byte(must(t, "lab", "partition", "--lab", "parts", "-o", "json").out), &said); err != nil {
			t.Fatal(err)
		}
		if len(said.Groups) != len(groups) || len(groups) > 0 && !reflect.DeepEqual(said.Groups, groups) {
			t.Errorf("%s: the groups are %v, said to be %v", when, groups, said.Groups)
		}
	}
	reach("at first")
	must(t, "lab", "partition", "--lab", "parts", "w1")
	parted := [][]string{{"w1"}, {"cp1", "lb1"}}
	reach("parted", parted...)
	for _, wrong := range [][]string{{"w1", "w1,cp1"}, {"nobody"}, {"cp1,w1,lb1"}, {"cp1", "-o", "xml"}} {
		if r := run(t, append([]string{"lab", "partition", "--lab", "parts"}, wrong...)...); r.code != 2 {
			t.Errorf("lab partition %v: exit code %d\n%s", wrong, r.code, r.err)
		}
	}
	must(t, "lab", "stop", "--lab", "parts", "--cut", "w1")
	must(t, "lab", "start", "--lab", "parts", "w1")
	reach("after a power cut", parted...)
	must(t, "lab", "partition", "--lab", "parts", "cp1", "w1")
	reach("parted anew", []string{"cp1"}, []string{"w1"}, []string{"lb1"})
	must(t, "lab", "heal", "--lab", "parts")
	reach("healed")
	must(t, "lab", "heal", "--lab", "parts")
	must(t, "lab", "partition", "--lab", "parts", "cp1")
	must(t, "lab", "delete", "--lab", "parts", "--yes")
}

// tcp tells whether a host of the lab gets a connection to another's sshd.
func tcp(t *testing.T, from, to string) bool {
	t.Helper()
	r := run(t, "lab", "ssh", "--lab", "parts", from, "--", "timeout 1 bash -c '</dev/tcp/"+to+"/22' 2>&1 && echo yes || echo no")
	answer := strings.Fields(r.out)
	if r.code != 0 || len(answer) == 0 {
		t.Fatalf("asking %s: exit code %d\n%s%s", from, r.code, r.out, r.err)
	}
	return answer[len(answer)-1] == "yes"
}

// clusterFile logs in to every host of a cluster file with what stands in it and
// nothing else.
func clusterFile(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		APIVersion, Kind string
		Spec             struct {
			Endpoint, KubernetesVersion string
			Hosts                       []struct {
				Name, Address string
				Roles         []string
				SSH           struct {
					User             string
					Port             json.Number
					KeyFile, HostKey string
				}
			}
		}
	}
	if err := yaml.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if f.APIVersion != "keelway.dev/v1" || f.Kind != "Cluster" || f.Spec.KubernetesVersion == "" || len(f.Spec.Hosts) != 3 {
		t.Fatalf("the cluster file is\n%s", data)
	}
	for i, role := range []string{"controlplane", "worker", "loadbalancer"} {
		h := f.Spec.Hosts[i]
		if !reflect.DeepEqual(h.Roles, []string{role}) {
			t.Errorf("the roles of %s are %v", h.Name, h.Roles)
		}
		if role == "loadbalancer" && f.Spec.Endpoint != h.Address+":6443" {
			t.Errorf("the endpoint is %s, the load balancer %s", f.Spec.Endpoint, h.Address)
		}
		known := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(known, []byte(h.Address+" "+h.SSH.HostKey+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "ssh", "-F", "none", "-i", h.SSH.KeyFile, "-p", h.SSH.Port.String(),
			"-o", "UserKnownHostsFile="+known, "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", h.SSH.User+"@"+h.Address, "hostname")
		var out, errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil || strings.TrimSpace(out.String()) != h.Name {
			t.Errorf("ssh to %s: %v: %s%s", h.Name, err, out.String(), errOut.String())
		}
	}
}
