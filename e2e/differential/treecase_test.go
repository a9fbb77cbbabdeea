package differential

import (
	"slices"
	"strings"
	"testing"
)

// filePhases are the phases that write files, in the order of a walk by hand.
func filePhases() []string {
	return []string{"certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start"}
}

// treeSample is a configuration with files that are there before.
type treeSample struct {
	sample
	// before are files by their path.
	before map[string]string
	// patches is true if the configuration names /patches.
	patches bool
	// phases are run instead of filePhases, with their own flags; "remove PATH"
	// is none, and removes a file. The configuration is added where it has one.
	phases []string
	env    []string
}

const fast = "encryptionAlgorithm: ECDSA-P256\n"

// trees are the cases: every hand-picked configuration of the config test with a
// cluster, generated ones, and what only files and flags can show.
func trees(t *testing.T) []treeSample {
	t.Helper()
	all := slices.Concat(fileCases(t), phaseCases(), flagCases())
	for _, s := range append(picked(), fitting(225, 7)...) {
		if strings.Contains(s.text, "ClusterConfiguration") {
			s.text = faster(strings.ReplaceAll(s.text, "dryRun: true", "dryRun: false"))
			all = append(all, treeSample{sample: s})
		}
	}
	return all
}

// fileCases are about files that are there before.
func fileCases(t *testing.T) []treeSample {
	t.Helper()
	patched := func(name string, files map[string]string) treeSample {
		return treeSample{sample: sample{name, cluster(fast)}, patches: true, before: files}
	}
	return []treeSample{
		patched("patches", map[string]string{
			"/patches/kube-apiserver0.yaml":                "spec: {containers: [{name: kube-apiserver, env: [{name: A, value: b}]}]}\n",
			"/patches/kube-apiserver1+merge.yaml":          "metadata: {annotations: {a: b}}\n",
			"/patches/kube-scheduler+json.json":            `[{"op":"add","path":"/spec/containers/0/command/-","value":"--v=4"}]`,
			"/patches/etcd.json":                           `{"spec":{"priority":1}}`,
			"/patches/kubeletconfiguration+strategic.yaml": "maxPods: 55\nevictionHard: {memory.available: 1Gi}\n",
			"/patches/kube-controller-manager-last.yaml":   "metadata: {labels: {x: \"y\"}}\n---\nmetadata: {labels: {x: \"z\"}}\n",
			"/patches/nobody.yaml":                         "a: b\n", "/patches/README": "x",
		}),
		patched("patches in lexical order", map[string]string{
			"/patches/kube-apiserver10+merge.yaml": "metadata: {labels: {last: \"10\"}}\n",
			"/patches/kube-apiserver2+merge.yaml":  "metadata: {labels: {last: \"2\"}}\n",
			"/patches/kube-apiserver1+merge.yaml":  "metadata: {labels: {last: \"1\"}}\n",
		}),
		patched("patch of an unknown type", map[string]string{"/patches/etcd+other.yaml": "metadata: {labels: {a: b}}\n"}),
		patched("patch of an unknown extension", map[string]string{"/patches/etcd.txt": "metadata: {labels: {a: b}}\n"}),
		patched("patch that is empty", map[string]string{"/patches/etcd.yaml": ""}),
		patched("patch that does not fit", map[string]string{"/patches/etcd+json.json": `[{"op":"remove","path":"/spec/nothing"}]`}),
		patched("patch that is no YAML", map[string]string{"/patches/etcd.yaml": "a: ["}),
		patched("patch of the kubelet, merge", map[string]string{"/patches/kubeletconfiguration+merge.json": `{"maxPods": 9, "authentication": {"anonymous": null}}`}),
		patched("patches that are not there", nil),
		{sample: sample{"folders of CA certificates", cluster(fast)}, before: map[string]string{
			"/etc/pki/tls/certs/a": "", "/usr/share/ca-certificates/a": "", "/etc/ca-certificates/a": "", "/usr/local/share/ca-certificates/a": "", "/etc/pki/ca-trust/a": "",
		}},
		{sample: sample{"key pair there", cluster(fast)}, before: signer(t)},
		{sample: sample{"leaf without its key", cluster(fast)}, before: authority(t, "/etc/kubernetes/pki/", true)},
		{sample: sample{"authority that is none", cluster(fast)}, before: only(authority(t, "/etc/kubernetes/pki/", false), "ca.")},
		{sample: sample{"authority there", cluster(fast + "certificatesDir: /certs")}, before: only(authority(t, "/certs/", true), "ca.")},
		{sample: sample{"certificate that is no certificate", cluster(fast)}, before: map[string]string{"/etc/kubernetes/pki/ca.crt": "x", "/etc/kubernetes/pki/ca.key": "y"}},
		{sample: sample{"data of etcd there", cluster(fast)}, before: map[string]string{"/var/lib/etcd/member/x": "y"}},
		{sample: sample{"manifest there", cluster(fast)}, before: map[string]string{"/etc/kubernetes/manifests/etcd.yaml": "old"}},
		{sample: sample{"kubelet's files there", cluster(fast)}, before: map[string]string{"/var/lib/kubelet/config.yaml": "old", "/var/lib/kubelet/kubeadm-flags.env": "old"}},
		{sample: sample{"kubelet's document", cluster(fast) + kubeletDocument}},
		{sample: sample{"kube-proxy's document", cluster(fast) + proxyDocument}},
		{sample: sample{"external etcd without TLS", cluster(fast + "etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}}")}},
		{sample: sample{"external etcd with TLS", cluster(fast + "etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /e/ca.crt, certFile: /e/c/c.crt, keyFile: /k/c.key}}")}},
		{sample: sample{"external etcd, three", cluster(fast + "etcd: {external: {endpoints: [\"https://192.0.2.9:2379\", \"https://192.0.2.8:2379\", \"https://192.0.2.10:2379\"], caFile: /etc/kubernetes/pki/e/ca.crt, certFile: /etc/kubernetes/pki/e/c.crt, keyFile: /etc/kubernetes/pki/e/c.key}}")}},
		{sample: sample{"dual stack apart", cluster(fast + "networking: {podSubnet: \"10.244.0.0/16,2001:db8:42::/56\", serviceSubnet: \"10.96.0.0/16,2001:db8:43::/112\"}")}},
		{sample: sample{"dual stack, IPv6 first", cluster(fast + "networking: {podSubnet: \"2001:db8:42::/56,10.244.0.0/16\", serviceSubnet: \"2001:db8:43::/112,10.96.0.0/16\"}")}},
		{sample: sample{"IPv6 only apart", cluster(fast+"networking: {podSubnet: \"2001:db8:42::/56\", serviceSubnet: \"2001:db8:43::/112\"}") + "localAPIEndpoint: {advertiseAddress: \"2001:db8::7\"}\n"}},
		{sample: sample{"RSA-2048, the default", cluster("")}},
		{sample: sample{"RSA-3072", cluster("encryptionAlgorithm: RSA-3072")}},
		{sample: sample{"cert-dir of the kubelet", v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + fast + "---\n" + initWith("nodeRegistration: {kubeletExtraArgs: [{name: cert-dir, value: /c}, {name: hostname-override, value: other}]}")}},
		{sample: sample{"every volume replaced", cluster(fast + "apiServer: {extraVolumes: [{name: ca-certs, hostPath: /a, mountPath: /b}, {name: zz, hostPath: /c, mountPath: /d}]}\nscheduler: {extraVolumes: [{name: kubeconfig, hostPath: /s, mountPath: /t, readOnly: true}]}\ncontrollerManager: {extraVolumes: [{name: flexvolume-dir, hostPath: /f, mountPath: /g}]}")}},
		{sample: sample{"listening everywhere", cluster(fast + "apiServer: {extraArgs: [{name: bind-address, value: \"0.0.0.0\"}]}\ncontrollerManager: {extraArgs: [{name: bind-address, value: \"::\"}]}\nscheduler: {extraArgs: [{name: bind-address, value: 192.0.2.5}]}\netcd: {local: {extraArgs: [{name: listen-metrics-urls, value: \"http://0.0.0.0:2381\"}]}}")}},
		{sample: sample{"metrics of etcd elsewhere", cluster(fast + "etcd: {local: {extraArgs: [{name: listen-metrics-urls, value: \"https://192.0.2.5:9999,http://127.0.0.1:2\"}, {name: listen-client-urls, value: \"https://192.0.2.5:2379\"}, {name: initial-cluster, value: \"a=b\"}]}}")}},
		{sample: sample{"ports elsewhere", cluster(fast + "apiServer: {extraArgs: [{name: secure-port, value: \"7777\"}]}\ncontrollerManager: {extraArgs: [{name: secure-port, value: \"7778\"}]}\nscheduler: {extraArgs: [{name: secure-port, value: \"7779\"}]}")}},
		{sample: sample{"long wait for health", v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + fast + "---\n" + initWith("timeouts: {controlPlaneComponentHealthCheck: 17m5s}")}},
		{sample: sample{"no wait for health", v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + fast + "---\n" + initWith("timeouts: {controlPlaneComponentHealthCheck: 0s}")}},
		{sample: sample{"build in the version", strings.Replace(cluster(fast), "v1.37.0", "v1.37.0-rc.1+a_b.c", 1)}},
		{sample: sample{"modes of authorization", cluster(fast + "apiServer: {extraArgs: [{name: authorization-mode, value: \"AlwaysAllow,Webhook\"}]}")}},
		{sample: sample{"authorization by a file", cluster(fast + "apiServer: {extraArgs: [{name: authorization-config, value: /a.yaml}]}")}},
		{sample: sample{"service key of one's own", cluster(fast + "apiServer: {extraArgs: [{name: service-account-issuer, value: \"https://a.example\"}, {name: service-account-key-file, value: /x.pub}]}\ncontrollerManager: {extraArgs: [{name: service-account-private-key-file, value: /x.key}, {name: cluster-signing-cert-file, value: /y.crt}]}")}},
		{sample: sample{"proxy environment", cluster(fast + "scheduler: {extraEnvs: [{name: http_proxy, value: mine}, {name: OTHER, value: mine}]}")}, env: []string{
			"HTTP_PROXY=http://192.0.2.200:3128", "https_proxy=http://192.0.2.200:3128", "NO_PROXY=10.0.0.0/8,192.0.2.0/24", "no_proxy=localhost", "ALL_PROXY=x", "FTP_PROXY=ftp://a",
		}},
		{sample: sample{"rootless", cluster(fast + "featureGates: {RootlessControlPlane: true}")}, before: map[string]string{
			"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "/etc/group": "root:x:0:\n", "/etc/login.defs": "SYS_UID_MIN 101\nSYS_UID_MAX 998\nSYS_GID_MIN 101\nSYS_GID_MAX 998\n",
		}},
		{sample: sample{"one of everything", cluster(fast + "clusterName: mine\ncontrolPlaneEndpoint: lb.example:9443\ncertificatesDir: /srv/pki\nimageRepository: r.example/k\nnetworking: {podSubnet: 172.20.0.0/16, serviceSubnet: 172.21.0.0/20, dnsDomain: corp.example}\netcd: {local: {dataDir: /srv/etcd, serverCertSANs: [b.example, 192.0.2.77], peerCertSANs: [a.example], extraEnvs: [{name: A, value: b}]}}")}},
	}
}

// faster takes RSA out of cases that are not about keys: on two processors a
// key of 4,096 bits takes seconds.
func faster(text string) string {
	const version = "kubernetesVersion: v1.37.0\n"
	for _, slow := range []string{"RSA-2048", "RSA-3072", "RSA-4096"} {
		text = strings.Replace(text, "encryptionAlgorithm: "+slow+"\n", fast, 1)
	}
	if !strings.Contains(text, "encryptionAlgorithm") {
		text = strings.Replace(text, version, version+fast, 1)
	}
	return text
}

const (
	kubeletDocument = "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\ncgroupDriver: cgroupfs\nmaxPods: 77\nevictionHard: {nodefs.available: 1%}\nclusterDNS: [10.96.0.99]\n"
	proxyDocument   = "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n"
)
