package differential

import "strings"

// sample is one input.
type sample struct{ name, text string }

func contains(text, part string) bool { return strings.Contains(text, part) }

const v1beta4 = "apiVersion: kubeadm.k8s.io/v1beta4\n"

// cluster is a ClusterConfiguration with a version, which kubeadm would
// otherwise ask the internet for, and an InitConfiguration with a token.
func cluster(fields string) string {
	return v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + fields + "\n---\n" + initWith("")
}

func initWith(fields string) string {
	return v1beta4 + "kind: InitConfiguration\n" + fields + "\n"
}

// both is an InitConfiguration beside a plain cluster.
func both(fields string) string {
	return v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n---\n" + initWith(fields)
}

// join is a JoinConfiguration by token; fields belong to discovery.bootstrapToken.
func join(fields string) string {
	return v1beta4 + "kind: JoinConfiguration\ndiscovery:\n  bootstrapToken:\n    token: abcdef.0123456789abcdef\n    apiServerEndpoint: 192.0.2.10:6443\n    " + fields + "\n"
}

const pin = `caCertHashes: ["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]`

// picked are the sharp edges.
func picked() []sample {
	const kubelet = "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
	return []sample{
		{"plain", cluster("")},
		{"init alone", both("")},
		{"token given", both("bootstrapTokens: [{token: abcdef.0123456789abcdef}]")},
		{"token malformed", both("bootstrapTokens: [{token: abc}]")},
		{"two tokens", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 1h}, {token: bbbbbb.0123456789abcdef, usages: [signing], groups: []}]")},
		{"token usage unknown", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, usages: [dancing]}]")},
		{"token group unknown", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, groups: [mine]}]")},
		{"token group fine", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, groups: [\"system:bootstrappers:mine\"]}]")},
		{"token never ends", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 0s}]")},
		{"token expires and ttl", both("bootstrapTokens: [{token: abcdef.0123456789abcdef, ttl: 1h, expires: \"2030-01-01T00:00:00Z\"}]")},
		{"taints unset", both("nodeRegistration: {name: n1}")},
		{"taints null", both("nodeRegistration: {name: n1, taints: null}")},
		{"taints none", both("nodeRegistration: {name: n1, taints: []}")},
		{"taints own", both("nodeRegistration: {taints: [{key: a, value: b, effect: NoExecute}]}")},
		{"name with capitals", both("nodeRegistration: {name: Node-1}")},
		{"name malformed", both("nodeRegistration: {name: node_1}")},
		{"socket without scheme", both("nodeRegistration: {criSocket: /run/x.sock}")},
		{"socket of tcp", both("nodeRegistration: {criSocket: \"tcp://1.2.3.4\"}")},
		{"pull policy unknown", both("nodeRegistration: {imagePullPolicy: Sometimes}")},
		{"pull policy", both("nodeRegistration: {imagePullPolicy: Never, imagePullSerial: false}")},
		{"kubelet args", both("nodeRegistration: {kubeletExtraArgs: [{name: v, value: \"4\"}, {name: node-ip, value: 192.0.2.1}]}")},
		{"kubelet args without a name", both("nodeRegistration: {kubeletExtraArgs: [{value: \"4\"}]}")},
		{"kubelet args as a map", both("nodeRegistration: {kubeletExtraArgs: {v: \"4\"}}")},
		{"address", both("localAPIEndpoint: {advertiseAddress: 192.0.2.7, bindPort: 7443}")},
		{"address of IPv6", both("localAPIEndpoint: {advertiseAddress: \"2001:db8::7\"}")},
		{"address malformed", both("localAPIEndpoint: {advertiseAddress: here}")},
		{"port too large", both("localAPIEndpoint: {advertiseAddress: 192.0.2.7, bindPort: 70000}")},
		{"certificate key", both("certificateKey: e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204")},
		{"certificate key malformed", both("certificateKey: e6a2")},
		{"timeouts", both("timeouts: {controlPlaneComponentHealthCheck: 1m, discovery: 30s}")},
		{"skip phases", both("skipPhases: [addon/kube-proxy]\npatches: {directory: /p}\ndryRun: true")},
		{"unknown field", both("nodeName: x")},
		{"unknown field below", both("nodeRegistration: {nam: x}")},
		{"field twice", both("skipPhases: []\nskipPhases: []")},
		{"field of the wrong case", both("NodeRegistration: {name: x}")},
		{"number for a text", both("certificateKey: 12")},
		{"text for a list", cluster("apiServer: {certSANs: one}")},
		{"not YAML", "apiVersion: [\n"},
		{"not a map", "- a\n- b\n"},
		{"no kind", "apiVersion: kubeadm.k8s.io/v1beta4\n"},
		{"no version", "kind: ClusterConfiguration\n"},
		{"nothing", ""},
		{"unknown kind", v1beta4 + "kind: Nothing\n"},
		{"unknown group", cluster("") + "---\napiVersion: example.com/v1\nkind: Thing\n"},
		{"v1beta2", "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\n"},
		{"v1", "apiVersion: kubeadm.k8s.io/v1\nkind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n"},
		{"v1beta3", "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n"},
		{"v1beta3 join", strings.Replace(join(pin), "v1beta4", "v1beta3", 1)},
		{"two clusters", cluster("") + "---\n" + v1beta4 + "kind: ClusterConfiguration\n"},
		{"empty documents", "# a comment\n---\n" + cluster("")},
		{"SANs", cluster("apiServer: {certSANs: [Mixed.Example.COM, \"*.wild.example\", 192.0.2.1, 192.0.2.1, 010.001.002.003, \"::1\"]}")},
		{"SANs malformed", cluster("apiServer: {certSANs: [\"a b\"]}")},
		{"etcd SANs malformed", cluster("etcd: {local: {serverCertSANs: [\"a_b\"]}}")},
		{"extra args", cluster("apiServer: {extraArgs: [{name: v, value: \"2\"}, {name: v, value: \"3\"}]}\nscheduler: {extraArgs: [{name: bind-address, value: 0.0.0.0}, {name: bind-address, value: 127.0.0.1}]}")},
		{"extra args as a map", cluster("apiServer: {extraArgs: {v: \"2\"}}")},
		{"extra volumes", cluster("controllerManager: {extraVolumes: [{name: k8s-certs, hostPath: /a, mountPath: /b, readOnly: true, pathType: DirectoryOrCreate}]}")},
		{"extra envs", cluster("scheduler: {extraEnvs: [{name: A, value: b}, {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}")},
		{"endpoint with a port", cluster("controlPlaneEndpoint: api.example:7443")},
		{"endpoint without a port", cluster("controlPlaneEndpoint: api.example")},
		{"endpoint of IPv6", cluster("controlPlaneEndpoint: \"[2001:db8::1]:6443\"")},
		{"endpoint of bare IPv6", cluster("controlPlaneEndpoint: \"2001:db8::1\"")},
		{"endpoint malformed", cluster("controlPlaneEndpoint: \"a_b:6443\"")},
		{"endpoint with a bad port", cluster("controlPlaneEndpoint: \"api.example:0\"")},
		{"endpoint with a name of capitals", cluster("controlPlaneEndpoint: \"API.example\"")},
		{"certificates elsewhere", cluster("certificatesDir: /etc/k/pki")},
		{"certificates relative", cluster("certificatesDir: pki")},
		{"repository", cluster("imageRepository: registry.example:5000/a/b_c")},
		{"repository malformed", cluster("imageRepository: Registry/UPPER")},
		{"repository with a tag", cluster("imageRepository: a/b:c")},
		{"feature gate unknown", cluster("featureGates: {Dancing: true}")},
		{"feature gate", cluster("featureGates: {RootlessControlPlane: true}")},
		{"algorithms", cluster("encryptionAlgorithm: ECDSA-P384")},
		{"algorithm unknown", cluster("encryptionAlgorithm: DSA")},
		{"validity", cluster("certificateValidityPeriod: 100h\ncaCertificateValidityPeriod: 200h")},
		{"validity malformed", cluster("certificateValidityPeriod: long")},
		{"dual stack", cluster("networking: {podSubnet: \"10.244.0.0/16,2001:db8:42::/56\", serviceSubnet: \"10.96.0.0/16,2001:db8:42:1::/112\"}")},
		{"IPv6 only", cluster("networking: {podSubnet: \"2001:db8:42::/56\", serviceSubnet: \"2001:db8:42:1::/112\"}")},
		{"two ranges of a family", cluster("networking: {serviceSubnet: \"10.96.0.0/16,10.97.0.0/16\"}")},
		{"three ranges", cluster("networking: {serviceSubnet: \"10.96.0.0/16,2001:db8::/112,10.98.0.0/16\"}")},
		{"service range /30", cluster("networking: {serviceSubnet: 10.96.0.0/30}")},
		{"service range /28", cluster("networking: {serviceSubnet: 10.96.0.0/28}")},
		{"service range /8", cluster("networking: {serviceSubnet: 10.0.0.0/8}")},
		{"service range of IPv6 too large", cluster("networking: {serviceSubnet: \"2001:db8::/64\"}")},
		{"pod range smaller than a node's", cluster("networking: {podSubnet: 10.244.0.0/25}")},
		{"pod range much larger", cluster("networking: {podSubnet: 10.0.0.0/7}")},
		{"pod range with a node mask", cluster("networking: {podSubnet: 172.16.0.0/25}\ncontrollerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: \"26\"}]}")},
		{"pod range, node mask malformed", cluster("networking: {podSubnet: 172.16.0.0/25}\ncontrollerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: x}]}")},
		{"pod range, no node ranges", cluster("networking: {podSubnet: 172.16.0.0/26}\ncontrollerManager: {extraArgs: [{name: allocate-node-cidrs, value: \"false\"}]}")},
		{"range with blanks", cluster("networking: {serviceSubnet: \"10.96.0.0/16, 2001:db8::/112\"}")},
		{"range with host bits", cluster("networking: {podSubnet: 10.244.3.7/16}")},
		{"range with zeros", cluster("networking: {podSubnet: 010.244.000.000/16}")},
		{"range malformed", cluster("networking: {serviceSubnet: 10.96.0.0}")},
		{"domain malformed", cluster("networking: {dnsDomain: \"a b\"}")},
		{"domain with capitals", cluster("networking: {dnsDomain: Cluster.Local}")},
		{"external etcd", cluster("etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /a/ca.crt, certFile: /a/c.crt, keyFile: /a/c.key}}")},
		{"external etcd of http", cluster("etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"], caFile: /a/ca.crt, certFile: /a/c.crt, keyFile: /a/c.key}}")},
		{"external etcd, no key", cluster("etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /a/ca.crt, certFile: /a/c.crt}}")},
		{"external etcd, no CA", cluster("etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], certFile: /a/c.crt, keyFile: /a/c.key}}")},
		{"external etcd, relative", cluster("etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: ca.crt}}")},
		{"external etcd, none", cluster("etcd: {external: {endpoints: []}}")},
		{"external etcd, no scheme", cluster("etcd: {external: {endpoints: [\"192.0.2.9:2379\"]}}")},
		{"external etcd, health elsewhere", cluster("etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"], httpEndpoints: [\"http://192.0.2.9:2381\"]}}")},
		{"both etcds", cluster("etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}, local: {}}")},
		{"etcd elsewhere", cluster("etcd: {local: {dataDir: /data, imageTag: 3.7.3-0, extraArgs: [{name: a, value: b}]}}")},
		{"etcd relative", cluster("etcd: {local: {dataDir: data}}")},
		{"v1.35", strings.Replace(cluster(""), "v1.37.0", "v1.35.4", 1)},
		{"v1.36", strings.Replace(cluster(""), "v1.37.0", "v1.36.3", 1)},
		{"v1.30", strings.Replace(cluster(""), "v1.37.0", "v1.30.0", 1)},
		{"version without v", strings.Replace(cluster(""), "v1.37.0", "1.37.0", 1)},
		{"version with a build", strings.Replace(cluster(""), "v1.37.0", "v1.37.0+mine", 1)},
		{"version malformed", strings.Replace(cluster(""), "v1.37.0", "one", 1)},
		{"kubelet beside", cluster("") + kubelet + "maxPods: 50\n"},
		{"kubelet with an unknown field", cluster("") + kubelet + "maxPod: 50\n"},
		{"kubelet alone", strings.TrimPrefix(kubelet, "---\n")},
		{"join", join(pin)},
		{"join without a pin", join("")},
		{"join unsafe", join("unsafeSkipCAVerification: true")},
		{"join, token malformed", strings.Replace(join(pin), "abcdef.0123456789abcdef", "abc", 1)},
		{"join, no port", strings.Replace(join(pin), ":6443", "", 1)},
		{"join, no endpoint", strings.Replace(join(pin), "    apiServerEndpoint: 192.0.2.10:6443\n", "", 1)},
		{"join, CA elsewhere", join(pin) + "caCertPath: /a/b.crt\n"},
		{"join, CA malformed", join(pin) + "caCertPath: a.pem\n"},
		{"join by file that is not there", v1beta4 + "kind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /nowhere/a.conf}}\n"},
		{"join by https", v1beta4 + "kind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: \"https://a.example/b\"}, tlsBootstrapToken: abcdef.0123456789abcdef}\n"},
		{"join by http", v1beta4 + "kind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: \"http://a.example/b\"}}\n"},
		{"join by nothing", v1beta4 + "kind: JoinConfiguration\ndiscovery: {}\n"},
		{"join by both", join(pin) + "  file: {kubeConfigPath: \"https://a.example/b\"}\n"},
		{"join a control plane", join(pin) + "controlPlane: {localAPIEndpoint: {advertiseAddress: 192.0.2.8}, certificateKey: e6a2eb8581237ab72a4f494f30285ec12a9694d750b9785706a83bfcbbbd2204}\n"},
		{"join a control plane, key malformed", join(pin) + "controlPlane: {certificateKey: abc}\n"},
		{"join with another token for TLS", join(pin) + "  tlsBootstrapToken: bbbbbb.0123456789abcdef\n"},
		{"reset", v1beta4 + "kind: ResetConfiguration\n"},
		{"reset, flags", v1beta4 + "kind: ResetConfiguration\nunmountFlags: [MNT_DETACH]\nforce: true\ncleanupTmpDir: true\nskipPhases: [a]\n"},
		{"reset, unknown flag", v1beta4 + "kind: ResetConfiguration\nunmountFlags: [MNT_DANCE]\n"},
		{"reset, relative", v1beta4 + "kind: ResetConfiguration\ncertificatesDir: a\n"},
		{"reset, socket", v1beta4 + "kind: ResetConfiguration\ncriSocket: /run/x.sock\n"},
		{"upgrade", v1beta4 + "kind: UpgradeConfiguration\n"},
		{"upgrade, fields", v1beta4 + "kind: UpgradeConfiguration\napply: {kubernetesVersion: v1.37.0, forceUpgrade: true, certificateRenewal: false, patches: {directory: /p}}\ndiff: {contextLines: 5}\nnode: {etcdUpgrade: false}\nplan: {printConfig: true}\n"},
		{"upgrade, relative patches", v1beta4 + "kind: UpgradeConfiguration\nnode: {patches: {directory: p}}\n"},
		{"upgrade, pull policy", v1beta4 + "kind: UpgradeConfiguration\napply: {imagePullPolicy: Sometimes}\n"},
	}
}
