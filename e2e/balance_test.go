package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fromWorker asks the API by the endpoint that the worker's kubelet has.
const fromWorker = "kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 3s get --raw /readyz"

// TestBalance makes a cluster whose nodes each have a load balancer, and cuts
// the power of the control plane that made it.
func TestBalance(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "balance", "--controlplanes", "3", "--workers", "1", "--file", file)
	fresh := f.inside("w1")
	apply := func(says string) { t.Helper(); applied(t, file, says) }
	apply("proved: ")
	f.ready(4, 3)
	if out := f.on("w1", "cat /etc/kubernetes/kubelet.conf"); !strings.Contains(out, "server: https://127.0.0.1:7443\n") {
		t.Errorf("the worker's kubelet does not use the node's load balancer:\n%s", out)
	}
	apply("nothing to do")
	for _, host := range []string{"cp2", "w1"} {
		f.status(host, "keelway apply")
	}

	must(t, "lab", "stop", "--lab", "balance", "--cut", "cp1")
	began := time.Now()
	waitFor(t, 15*time.Second, "the API by the worker's load balancer", func() (bool, string) {
		out, err := f.try("w1", fromWorker)
		return err == nil, out
	})
	t.Logf("the API answered the worker %s after cp1 was gone", time.Since(began).Round(100*time.Millisecond))
	// Longer than the 50 seconds after which a node that says nothing is not Ready.
	for end := time.Now().Add(75 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Second) {
		// Until the checks have found cp1 dead, a client may have to try again.
		if out, err := f.try("w1", fromWorker); err != nil && time.Since(began) > 15*time.Second {
			t.Errorf("%s after cp1 was gone the API does not answer the worker: %v\n%s", time.Since(began).Round(time.Second), err, out)
		}
		out := f.on("cp2", "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers")
		for _, name := range []string{"cp2", "cp3", "w1"} {
			if !readyLine(out, name) {
				t.Errorf("%s after cp1 was gone %s is not Ready:\n%s", time.Since(began).Round(time.Second), name, out)
			}
		}
	}
	if out := f.on("cp2", "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers"); readyLine(out, "cp1") {
		t.Errorf("cp1 is said to be Ready without power:\n%s", out)
	}
	must(t, "lab", "start", "--lab", "balance", "cp1")
	waitFor(t, 2*time.Minute, "cp1 to be back", func() (bool, string) {
		out := f.on("cp2", "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers")
		return readyLine(out, "cp1"), out
	})
	if r := run(t, "destroy", "-f", file, "--bundle", bundle(t), "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("w1")); len(left) > 0 {
		t.Errorf("destroy left behind on w1:\n%s", strings.Join(left, "\n"))
	}
}

// applied brings a cluster to what its file says, and wants to read that.
func applied(t *testing.T, file, says string) {
	t.Helper()
	r := run(t, "apply", "-f", file, "--bundle", bundle(t), "--yes")
	if r.code != 0 || !strings.Contains(r.out, says) {
		t.Fatalf("apply: exit code %d, want %q\n%s%s", r.code, says, r.out, r.err)
	}
}

// readyLine tells whether a list of nodes says that one is Ready.
func readyLine(list, node string) bool {
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == node {
			return fields[1] == "Ready"
		}
	}
	return false
}

// TestBalancerHost makes a cluster whose endpoint is a machine with nothing but
// a load balancer.
func TestBalancerHost(t *testing.T) {
	long(t)
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	f := newFleet(t, "lbhost", "--controlplanes", "1", "--workers", "1", "--loadbalancers", "1", "--file", file)
	fresh := f.inside("lb1")
	apply := func(says string) { t.Helper(); applied(t, file, says) }
	apply("proved: ")
	f.ready(2, 1)
	if out := f.on("w1", "grep server: /etc/kubernetes/kubelet.conf && "+fromWorker); !strings.Contains(out, ":6443") || !strings.HasSuffix(out, "ok") {
		t.Errorf("the worker does not reach the API:\n%s", out)
	}
	if out := f.on("lb1", "systemctl is-active keelway-haproxy; ls /etc/kubernetes /usr/bin/kubelet 2>&1; true"); !strings.HasPrefix(out, "active\n") || strings.Count(out, "No such file") != 2 {
		t.Errorf("lb1 is no load balancer, or more than that:\n%s", out)
	}
	f.status("lb1", "keelway apply")
	f.on("lb1", "systemctl stop keelway-haproxy")
	if out, err := f.try("w1", fromWorker); err == nil {
		t.Errorf("the worker reaches the API without the load balancer:\n%s", out)
	}
	apply("as the file says")
	f.on("w1", fromWorker)
	apply("nothing to do")
	if r := run(t, "destroy", "-f", file, "--bundle", bundle(t), "--yes"); r.code != 0 {
		t.Fatalf("destroy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left := difference(fresh, f.inside("lb1")); len(left) > 0 {
		t.Errorf("destroy left behind on lb1:\n%s", strings.Join(left, "\n"))
	}
}
