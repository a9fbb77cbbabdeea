package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes samples from pools of values. The same seed makes the same
// samples.
type generator struct {
	*rand.Rand
	// wrong is how many of a thousand values are wrong ones.
	wrong int
}

// generated are samples to be judged: one of twelve values is wrong, and one of
// five samples is for a machine that joins.
func generated(count int, seed uint64) []sample {
	g := generator{rand.New(rand.NewPCG(seed, 0)), 80}
	var all []sample
	for n := range count {
		var text string
		if n%5 == 4 {
			text = v1beta4 + "kind: JoinConfiguration\n" + g.fields(0, joinFields())
		} else {
			text = g.control()
		}
		all = append(all, sample{fmt.Sprintf("generated %d", n), text})
	}
	return all
}

// fitting are samples of control planes that mostly can be made.
func fitting(count int, seed uint64) []sample {
	g := generator{rand.New(rand.NewPCG(seed, 0)), 4}
	var all []sample
	for n := range count {
		all = append(all, sample{fmt.Sprintf("fitting %d", n), g.control()})
	}
	return all
}

func (g generator) control() string {
	return v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + g.fields(0, clusterFields()) + "---\n" +
		v1beta4 + "kind: InitConfiguration\n" + g.fields(0, initFields())
}

// pool is a field with the values that it may have; below are the fields of a
// map. A field is left out as often as it is there.
type pool struct {
	name   string
	right  []string
	wrong  []string
	below  []pool
	always bool
}

func (g generator) fields(depth int, pools []pool) string {
	var b strings.Builder
	margin := strings.Repeat("  ", depth)
	for _, p := range pools {
		if !p.always && g.IntN(2) == 0 {
			continue
		}
		if p.below != nil {
			if inner := g.fields(depth+1, p.below); inner != "" {
				b.WriteString(margin + p.name + ":\n" + inner)
			}
			continue
		}
		values := p.right
		if len(p.wrong) > 0 && g.IntN(1000) < g.wrong {
			values = p.wrong
		}
		b.WriteString(margin + p.name + ": " + values[g.IntN(len(values))] + "\n")
	}
	return b.String()
}

func args() pool {
	return pool{name: "extraArgs", right: []string{"[]", `[{name: v, value: "2"}]`, `[{name: a, value: b}, {name: a, value: c}]`, `[{name: z, value: ""}, {name: b, value: "1"}]`}, wrong: []string{`[{value: x}]`, `{a: b}`, `[a]`}}
}

func volumes() pool {
	return pool{name: "extraVolumes", right: []string{"[]", "[{name: a, hostPath: /a, mountPath: /b}]", "[{name: k8s-certs, hostPath: /a, mountPath: /b, readOnly: true, pathType: File}]"}, wrong: []string{"[{name: a, path: /a}]"}}
}

func envs() pool {
	return pool{name: "extraEnvs", right: []string{"[]", "[{name: A, value: b}]", "[{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"}, wrong: []string{"[{nam: A}]"}}
}

func sans(name string) pool {
	return pool{name: name, right: []string{"[]", "[a.example]", "[A.Example, 192.0.2.1]", `["*.a.example", "2001:db8::1"]`}, wrong: []string{`["a b"]`, `["-a"]`, "a"}}
}

func clusterFields() []pool {
	return []pool{
		{name: "clusterName", right: []string{"kubernetes", "mine"}},
		{name: "controlPlaneEndpoint", right: []string{`""`, "api.example", "api.example:443", "192.0.2.1:6443", `"[2001:db8::1]:6443"`}, wrong: []string{"a_b", "a:b", `"a:99999"`}},
		{name: "certificatesDir", right: []string{"/etc/kubernetes/pki", "/p"}, wrong: []string{"p"}},
		{name: "imageRepository", right: []string{"registry.k8s.io", "r.example:5000/a", "localhost/a", "a/b-c/d__e"}, wrong: []string{"A/b", "a//b", "a/b:c", "-a"}},
		{name: "encryptionAlgorithm", right: []string{"RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P256", "ECDSA-P384"}, wrong: []string{"RSA", "rsa-2048"}},
		{name: "certificateValidityPeriod", right: []string{"8760h", "1h30m", "8760h0m0s"}, wrong: []string{"1y", "3"}},
		{name: "caCertificateValidityPeriod", right: []string{"87600h", "9000h"}, wrong: []string{"x"}},
		{name: "networking", below: []pool{
			{name: "podSubnet", right: []string{"10.244.0.0/16", "172.20.0.0/20", `"10.244.0.0/16,2001:db8:1::/56"`, `"2001:db8:1::/56"`}, wrong: []string{"10.244.0.0/30", "x", "10.0.0.0/7", `"10.1.0.0/16,10.2.0.0/16"`}},
			{name: "serviceSubnet", right: []string{"10.96.0.0/12", "172.30.0.0/24", `"10.96.0.0/16,2001:db8:2::/112"`}, wrong: []string{"10.0.0.0/8", "10.96.0.0/29", "10.96.0.1"}},
			{name: "dnsDomain", right: []string{"cluster.local", "a.b.c"}, wrong: []string{"A.b", "a b", "-a"}},
		}},
		{name: "apiServer", below: []pool{sans("certSANs"), args(), volumes(), envs()}},
		{name: "controllerManager", below: []pool{args(), volumes(), envs()}},
		{name: "scheduler", below: []pool{args(), volumes(), envs()}},
		{name: "dns", below: []pool{{name: "imageRepository", right: []string{"a.example/b"}, wrong: []string{"A"}}, {name: "imageTag", right: []string{"v1.2.3"}}, {name: "disabled", right: []string{"true", "false"}, wrong: []string{"maybe"}}}},
		{name: "proxy", below: []pool{{name: "disabled", right: []string{"true", "false"}}}},
		{name: "etcd", below: []pool{{name: "local", below: []pool{
			{name: "dataDir", right: []string{"/var/lib/etcd", "/e"}, wrong: []string{"e"}}, {name: "imageTag", right: []string{"3.7.3-0"}}, sans("serverCertSANs"), sans("peerCertSANs"), args(), envs(),
		}}}},
		{name: "featureGates", right: []string{"{}", "{RootlessControlPlane: false}"}, wrong: []string{"{X: true}"}},
	}
}

func registration() pool {
	return pool{name: "nodeRegistration", below: []pool{
		{name: "name", right: []string{"node-1", "N1.Example"}, wrong: []string{"a_b"}},
		{name: "criSocket", right: []string{"unix:///run/c.sock", "/run/c.sock"}, wrong: []string{"unix//", "npipe:////./pipe/x"}},
		{name: "taints", right: []string{"null", "[]", "[{key: a, effect: NoSchedule}]"}},
		{name: "imagePullPolicy", right: []string{"Always", "IfNotPresent", "Never"}, wrong: []string{"never"}},
		{name: "imagePullSerial", right: []string{"true", "false"}},
		{name: "ignorePreflightErrors", right: []string{"[]", "[Swap, NumCPU]"}},
		{name: "kubeletExtraArgs", right: []string{"[]", `[{name: v, value: "5"}]`}, wrong: []string{"{v: a}", "[{value: a}]"}},
	}}
}

func timeouts() pool {
	return pool{name: "timeouts", below: []pool{
		{name: "controlPlaneComponentHealthCheck", right: []string{"1m", "4m0s"}, wrong: []string{"soon"}}, {name: "etcdAPICall", right: []string{"10s"}}, {name: "discovery", right: []string{"5s"}},
	}}
}

func initFields() []pool {
	return []pool{
		{name: "bootstrapTokens", right: []string{"[]", "[{token: abcdef.0123456789abcdef}]", "[{token: abcdef.0123456789abcdef, ttl: 48h, usages: [authentication], groups: [\"system:bootstrappers:a\"]}]", "[{token: abcdef.0123456789abcdef, description: d}]"},
			wrong: []string{"[{token: x}]", "[{token: abcdef.0123456789abcdef, usages: [x]}]", "[{token: abcdef.0123456789abcdef, groups: [\"a\"]}]", "[{token: abcdef.0123456789abcdef, usages: [signing], groups: [\"system:bootstrappers:a\"]}]"}},
		{name: "localAPIEndpoint", below: []pool{
			{name: "advertiseAddress", right: []string{"192.0.2.1", `"2001:db8::1"`}, wrong: []string{"a", "256.1.1.1"}, always: true}, {name: "bindPort", right: []string{"6443", "1"}, wrong: []string{"-1", "65536"}},
		}},
		registration(), timeouts(),
		{name: "certificateKey", right: []string{`""`, strings.Repeat("ab", 32)}, wrong: []string{"zz", "ab"}},
		{name: "skipPhases", right: []string{"[]", "[addon/coredns]"}},
		{name: "patches", right: []string{"{directory: /p}", "{}"}},
		{name: "dryRun", right: []string{"true", "false"}},
	}
}

func joinFields() []pool {
	return []pool{
		{name: "caCertPath", right: []string{"/a/ca.crt"}, wrong: []string{"ca.crt", "/a/ca.pem"}},
		{name: "discovery", always: true, below: []pool{
			{name: "bootstrapToken", always: true, below: []pool{
				{name: "token", right: []string{"abcdef.0123456789abcdef"}, wrong: []string{"x", `""`}, always: true},
				{name: "apiServerEndpoint", right: []string{"192.0.2.1:6443", "api.example:443", `"[2001:db8::1]:1"`}, wrong: []string{"a"}, always: true},
				{name: "caCertHashes", right: []string{`["sha256:` + strings.Repeat("0a", 32) + `"]`}, wrong: []string{"[]"}, always: true},
				{name: "unsafeSkipCAVerification", right: []string{"true", "false"}},
			}},
			{name: "tlsBootstrapToken", right: []string{"bbbbbb.0123456789abcdef"}, wrong: []string{"b"}},
		}},
		{name: "controlPlane", below: []pool{
			{name: "localAPIEndpoint", always: true, below: []pool{{name: "advertiseAddress", right: []string{"192.0.2.1"}, wrong: []string{"x"}, always: true}, {name: "bindPort", right: []string{"6443"}, wrong: []string{"-5"}}}},
			{name: "certificateKey", right: []string{strings.Repeat("cd", 32)}, wrong: []string{"c"}},
		}},
		registration(), timeouts(),
	}
}
