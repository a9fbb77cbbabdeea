package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/verify"
)

// newFamily is a lab whose hosts have IPv6 addresses, where the kernel can give them.
func newFamily(t *testing.T, name, family string, counts ...string) fleet {
	t.Helper()
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		t.Skipf("this machine's kernel has no IPv6: %v", err)
	}
	return newFleet(t, name, append(counts, "--ip-family", family)...)
}

// addresses are a host's own, IPv4 first, before it has a pod network.
func (f fleet) addresses(host string) []string {
	f.t.Helper()
	return strings.Fields(f.on(host, "hostname -I"))
}

// joinAs has a host join as a worker by a configuration that gives it a node-ip.
func (f fleet) joinAs(host string, by invitation, nodeIP string) {
	f.t.Helper()
	words := strings.Fields(by.worker) // endpoint, --token, token, --discovery-token-ca-cert-hash, pin
	f.on(host, fmt.Sprintf(`cat > join.yaml <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration: {kubeletExtraArgs: [{name: node-ip, value: %q}]}
discovery: {bootstrapToken: {apiServerEndpoint: %q, token: %q, caCertHashes: [%q]}}
EOF
`, nodeIP, words[0], words[2], words[4]))
	f.on(host, ours+"--config join.yaml")
}

// answers waits until so many nodes are Ready, and then has every node's pods ask
// every other's, Services, DNS and node ports at all of their addresses.
func (f fleet) answers(nodes int) {
	f.t.Helper()
	waitFor(f.t, 3*time.Minute, "the nodes to be Ready", func() (bool, string) {
		out := f.kubectl("get nodes --no-headers")
		return strings.Count(out, " Ready ") == nodes, out
	})
	f.kubectl("-n kube-system rollout status deployment coredns --timeout 120s")
	out, _ := f.try("cp1", "/mnt/share/keelway verify -o json 2>verify.err || cat verify.err >&2")
	var report verify.Report
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&report); err != nil {
		f.t.Fatalf("verify: %v\n%s", err, out)
	}
	for _, r := range report.Results {
		// Like kubeadm, init leaves Secrets as they are, and verify does not ask.
		want := verify.Passed
		if r.Name == "Encryption" {
			want = verify.Skipped
		}
		if r.Level != want {
			f.t.Errorf("verify: %s %s, %s is wanted: %s %v", r.Name, r.Level, want, r.Seen, r.Findings)
		}
	}
	if len(report.Results) != len(verify.Checks()) {
		f.t.Errorf("%d results of %d checks:\n%s", len(report.Results), len(verify.Checks()), out)
	}
}

// TestDualStack makes a cluster with IPv4 and IPv6 side by side, and runs the
// spec of kubeadm's suite that no other cluster here can.
func TestDualStack(t *testing.T) {
	f := newFamily(t, "dual", "dual", "--controlplanes", "1", "--workers", "1")
	f.runtime("cp1", "w1")
	f.on("cp1", fmt.Sprintf(`cat > init.yaml <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {kubeletExtraArgs: [{name: node-ip, value: %q}]}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: cp1:6443
networking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56", serviceSubnet: "10.96.0.0/16,fd00:10:96::/112"}
EOF
`, strings.Join(f.addresses("cp1"), ",")))
	by := invite(t, f.on("cp1", "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --upload-certs --config init.yaml"))
	f.joinAs("w1", by, strings.Join(f.addresses("w1"), ","))
	f.answers(2)
	f.bothFamilies(2)
	if out := f.on("cp1", "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --config init.yaml"); !strings.Contains(out, "nothing to do") {
		t.Errorf("a second init has something to do:\n%s", out)
	}
	f.suite(map[string]string{
		"networking [setup-networking] single-stack podSubnet should be properly configured if specified in kubeadm-config":     "the cluster has both families",
		"networking [setup-networking] single-stack serviceSubnet should be properly configured if specified in kubeadm-config": "the cluster has both families",
	})
	f.gone("w1")
}

// bothFamilies wants each of so many nodes to have a range and an address of each family.
func (f fleet) bothFamilies(nodes int) {
	f.t.Helper()
	for what, path := range map[string]string{
		"pod ranges": "{range .items[*]}{.spec.podCIDRs[*]} {end}", "addresses": `{range .items[*]}{.status.addresses[?(@.type=="InternalIP")].address} {end}`,
	} {
		if out := f.kubectl("get nodes -o 'jsonpath=" + path + "'"); len(strings.Fields(out)) != 2*nodes || !strings.Contains(out, "10.244.") && !strings.Contains(out, "198.18.") || !strings.Contains(out, "fd") {
			f.t.Errorf("%d nodes have %s %q, and want one of each family", nodes, what, out)
		}
	}
}

// gone resets a host, and wants nothing of the pod network to be left on it.
func (f fleet) gone(host string) {
	f.t.Helper()
	f.on(host, "/mnt/share/keelway reset --force")
	if out := f.on(host, "ip -brief link; nft list tables"); strings.Contains(out, "flannel") || strings.Contains(out, "cni0") || strings.Contains(out, "kube") {
		f.t.Errorf("reset left behind on %s:\n%s", host, out)
	}
}

// TestIPv6 makes clusters of machines that have no IPv4 address at all, by init
// and join, and by one command.
func TestIPv6(t *testing.T) {
	f := newFamily(t, "six", "ipv6", "--controlplanes", "1", "--workers", "1", "--loadbalancers", "1")
	f.runtime("cp1", "w1")
	out := f.on("cp1", "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --upload-certs --control-plane-endpoint cp1:6443 --pod-network-cidr fd00:10:244::/56 --service-cidr fd00:10:96::/112")
	f.on("w1", ours+invite(t, out).worker)
	f.answers(2)
	if out := f.kubectl("get pods,services,nodes -A -o wide"); strings.Contains(out, " 10.") || strings.Contains(out, "198.18.") {
		t.Errorf("something has an IPv4 address:\n%s", out)
	}
	f.suite(skippedSpecs())
	f.gone("w1")
	// The one command chooses ranges of the machine's family, and proves the cluster.
	if out := f.on("lb1", "/mnt/share/keelway up --bundle /mnt/share/bundle.tar.zst"); !strings.Contains(out, "proved: a pod resolved") {
		t.Errorf("up on a machine without IPv4:\n%s", out)
	}
	f.on("lb1", "/mnt/share/keelway down --yes")
}
