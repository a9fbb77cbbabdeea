package differential

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

const v1beta3 = "apiVersion: kubeadm.k8s.io/v1beta3\n"

// TestV1beta3 holds documents of the older kind against kubeadm 1.36, the last
// one that reads them: whether they are taken, what they migrate to, and what
// the phases write.
func TestV1beta3(t *testing.T) {
	keelway, _ := peers(t)
	kubeadm := os.Getenv("KEELWAY_KUBEADM_V1_36")
	if kubeadm == "" {
		t.Skip("KEELWAY_KUBEADM_V1_36 does not name kubeadm 1.36; `make test` sets it")
	}
	rootOnly(t)
	cases := append(pickedV1beta3(), generatedV1beta3(120, 3)...)
	meant := differences(t, "v1beta3")
	var accepted, compared atomic.Int32
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				says, ok := compareConfig(t, keelway, kubeadm, c.text, tagsV136())
				if ok {
					accepted.Add(1)
				}
				if says == "" && ok && contains(c.text, "ClusterConfiguration") {
					says = compareV1beta3(t, keelway, kubeadm, c)
					compared.Add(1)
				}
				meant.judge(t, c.name, says, c.text)
			})
		}
	})
	t.Logf("%d v1beta3 configurations held beside kubeadm 1.36: %d accepted by it, %d trees compared", len(cases), accepted.Load(), compared.Load())
	if compared.Load() < 60 {
		t.Errorf("%d trees compared, at least 60 are wanted", compared.Load())
	}
	meant.stale(t)
}

// tagsV136 replaces kubeadm 1.36's own tags: Keelway takes kubeadm 1.37's etcd
// and CoreDNS for every Kubernetes version, as that does.
func tagsV136() *strings.Replacer {
	return strings.NewReplacer("/etcd:3.6.8-0", "/etcd:3.7.0-0", "/coredns:v1.14.2", "/coredns:v1.14.6")
}

// compareV1beta3 compares trees. The kind knows no algorithm of keys but RSA,
// so that only some cases, which are about certificates, make them.
func compareV1beta3(t *testing.T, keelway, kubeadm string, c sample) string {
	t.Helper()
	s := treeSample{sample: c, phases: []string{"etcd local", "control-plane all", "kubelet-start"}}
	if contains(c.name, "certificates") {
		s.phases = filePhases()
	}
	theirs, ours := writeTree(t, kubeadm, s), writeTree(t, keelway, s)
	for path, text := range theirs.files {
		theirs.files[path] = tagsV136().Replace(text)
	}
	return theirs.differs(ours)
}

func clusterV1beta3(fields string) string {
	return v1beta3 + "kind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n" + fields + "\n---\n" + v1beta3 + "kind: InitConfiguration\n"
}

func initV1beta3(fields string) string {
	return v1beta3 + "kind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n---\n" + v1beta3 + "kind: InitConfiguration\n" + fields + "\n"
}

func pickedV1beta3() []sample {
	old := func(text string) string { return strings.ReplaceAll(text, "v1beta4", "v1beta3") }
	return []sample{
		{"certificates, plain", clusterV1beta3("")},
		{"certificates, names", clusterV1beta3("apiServer: {certSANs: [Mixed.Example, 192.0.2.9, \"*.a.example\"]}\ncontrolPlaneEndpoint: api.example:7443\nnetworking: {dnsDomain: corp.example, serviceSubnet: 172.21.0.0/20}\netcd: {local: {serverCertSANs: [b.example], peerCertSANs: [192.0.2.77]}}\nclusterName: mine\ncertificatesDir: /srv/pki")},
		{"certificates, external etcd", clusterV1beta3("etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /e/ca.crt, certFile: /e/c.crt, keyFile: /e/c.key}}")},
		{"time for the control plane", clusterV1beta3("apiServer: {timeoutForControlPlane: 11m30s}")},
		{"time for the control plane malformed", clusterV1beta3("apiServer: {timeoutForControlPlane: long}")},
		{"arguments as a map", clusterV1beta3("apiServer: {extraArgs: {z: \"1\", a: \"2\", v: \"3\"}}\nscheduler: {extraArgs: {bind-address: 0.0.0.0}}\ncontrollerManager: {extraArgs: {bind-address: \"::\"}}")},
		{"arguments as a list", clusterV1beta3("apiServer: {extraArgs: [{name: v, value: \"2\"}]}")},
		{"argument that is no text", clusterV1beta3("apiServer: {extraArgs: {v: 2}}")},
		{"arguments of the kubelet as a list", initV1beta3("nodeRegistration: {kubeletExtraArgs: [{name: v, value: \"2\"}]}")},
		{"arguments of the kubelet", initV1beta3("nodeRegistration: {name: N1, kubeletExtraArgs: {v: \"4\", node-ip: 192.0.2.1, cert-dir: /c}}")},
		{"taints null", initV1beta3("nodeRegistration: {name: n1, taints: null}")},
		{"taints none", initV1beta3("nodeRegistration: {name: n1, taints: []}")},
		{"socket without scheme", initV1beta3("nodeRegistration: {criSocket: /run/x.sock}")},
		{"pull policy", initV1beta3("nodeRegistration: {imagePullPolicy: Always}")},
		{"pulls side by side", initV1beta3("nodeRegistration: {imagePullSerial: false}")},
		{"token", initV1beta3("bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 1h}]")},
		{"algorithm", clusterV1beta3("encryptionAlgorithm: ECDSA-P256")},
		{"validity", clusterV1beta3("certificateValidityPeriod: 100h")},
		{"environment", clusterV1beta3("apiServer: {extraEnvs: [{name: A, value: b}]}")},
		{"timeouts", initV1beta3("timeouts: {discovery: 1m}")},
		{"dry run", initV1beta3("dryRun: true")},
		{"no DNS", clusterV1beta3("dns: {disabled: true}")},
		{"kind of DNS", clusterV1beta3("dns: {type: CoreDNS}")},
		{"unknown field", clusterV1beta3("nothing: 1")},
		{"v1.35", strings.ReplaceAll(clusterV1beta3(""), "v1.36.3", "v1.35.4")},
		{"v1.34", strings.ReplaceAll(clusterV1beta3(""), "v1.36.3", "v1.34.4")},
		{"two kinds of one version", v1beta3 + "kind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n---\n" + v1beta4 + "kind: InitConfiguration\n"},
		{"two clusters", clusterV1beta3("") + "---\n" + v1beta3 + "kind: ClusterConfiguration\n"},
		{"kubelet beside", clusterV1beta3("") + "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 9\n"},
		{"reset", v1beta3 + "kind: ResetConfiguration\n"},
		{"upgrade", v1beta3 + "kind: UpgradeConfiguration\n"},
		{"join", old(join(pin))},
		{"join, malformed", old(join("caCertHashes: [1]"))},
		{"join with a time limit", strings.Replace(old(join(pin)), "discovery:\n", "discovery:\n  timeout: 9m\n", 1)},
		{"join a control plane", old(join(pin)) + "controlPlane: {localAPIEndpoint: {advertiseAddress: 192.0.2.8}}\n"},
	}
}

// generatedV1beta3 are made from the pools of v1beta4, without what is new in it.
func generatedV1beta3(count int, seed uint64) []sample {
	g := generator{rand.New(rand.NewPCG(seed, 0)), 15}
	var all []sample
	for n := range count {
		text := v1beta3 + "kind: JoinConfiguration\n" + g.fields(0, older(joinFields()))
		if n%5 != 4 {
			text = v1beta3 + "kind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n" + g.fields(0, older(clusterFields())) + "---\n" +
				v1beta3 + "kind: InitConfiguration\n" + g.fields(0, older(initFields()))
		}
		all = append(all, sample{fmt.Sprintf("generated %d", n), text})
	}
	return all
}

// older are the pools as v1beta3 has them.
func older(pools []pool) []pool {
	var all []pool
	for _, p := range pools {
		switch p.name {
		case "encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod", "extraEnvs", "proxy", "disabled", "timeouts", "dryRun", "imagePullSerial", "featureGates":
			continue
		case "extraArgs", "kubeletExtraArgs":
			p.right, p.wrong = []string{"{}", `{v: "2"}`, `{z: "1", a: b, m: ""}`}, []string{"[{name: v, value: a}]", "{v: 2}"}
		case "apiServer":
			p.below = append(slices.Clone(p.below), pool{name: "timeoutForControlPlane", right: []string{"4m0s", "90s"}, wrong: []string{"soon"}})
		case "discovery":
			p.below = append(slices.Clone(p.below), pool{name: "timeout", right: []string{"5m0s", "90s"}})
		}
		if p.below != nil {
			p.below = older(p.below)
		}
		all = append(all, p)
	}
	return all
}
