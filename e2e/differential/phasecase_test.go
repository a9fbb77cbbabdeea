package differential

import "strings"

// phaseCases run the phases by themselves, in other orders, and again.
func phaseCases() []treeSample {
	with := func(name, fields string, phases ...string) treeSample {
		return treeSample{sample: sample{name, cluster(fast + fields)}, phases: phases}
	}
	const pki = "/etc/kubernetes/pki/"
	twice := append(filePhases(), filePhases()...)
	return []treeSample{
		with("phase by phase", "",
			"certs ca", "certs apiserver", "certs apiserver-kubelet-client", "certs front-proxy-ca", "certs front-proxy-client", "certs etcd-ca",
			"certs etcd-server", "certs etcd-peer", "certs etcd-healthcheck-client", "certs apiserver-etcd-client", "certs sa",
			"kubeconfig admin", "kubeconfig super-admin", "kubeconfig kubelet", "kubeconfig controller-manager", "kubeconfig scheduler",
			"etcd local", "control-plane apiserver", "control-plane controller-manager", "control-plane scheduler", "kubelet-start"),
		with("twice", "", twice...),
		with("twice with names", "apiServer: {certSANs: [a.example]}\ncontrolPlaneEndpoint: api.example", twice...),
		with("etcd's phases where etcd is external", "etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}}", "certs etcd-ca", "certs etcd-server"),
		with("etcd's manifest where etcd is external", "etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}}", "etcd local"),
		with("certificate before its authority", "", "certs apiserver"),
		with("etcd's certificate before its authority", "", "certs ca", "certs etcd-peer"),
		with("kubeconfig before its authority", "", "kubeconfig admin"),
		with("manifests alone", "", "control-plane all", "etcd local"),
		with("kubelet alone", "", "kubelet-start"),
		with("phase that does not exist", "", "certs nothing"),
		with("no phase", "", "certs"),
		with("external CA, complete", "", "certs all", "kubeconfig all", "remove "+pki+"ca.key", "certs all", "kubeconfig all", "control-plane all"),
		with("external CA, no certificate", "", "certs all", "remove "+pki+"ca.key", "remove "+pki+"apiserver.crt", "certs all"),
		with("external CA, no key of a certificate", "", "certs all", "remove "+pki+"ca.key", "remove "+pki+"apiserver.key", "certs all"),
		with("external CA, no kubeconfig", "", "certs all", "remove "+pki+"ca.key", "kubeconfig all"),
		with("external CA, one kubeconfig missing", "", "certs all", "kubeconfig all", "remove "+pki+"ca.key", "remove /etc/kubernetes/scheduler.conf", "kubeconfig all"),
		with("external CA of the front proxy", "", "certs all", "remove "+pki+"front-proxy-ca.key", "certs all"),
		with("external CA of the front proxy, no certificate", "", "certs all", "remove "+pki+"front-proxy-ca.key", "remove "+pki+"front-proxy-client.crt", "certs all"),
		with("external CA of etcd", "", "certs all", "remove "+pki+"etcd/ca.key", "certs all"),
		with("external CA of etcd, no certificate", "", "certs all", "remove "+pki+"etcd/ca.key", "remove "+pki+"etcd/peer.crt", "certs all"),
		with("certificate lost", "", "certs all", "remove "+pki+"apiserver.crt", "certs all"),
		with("certificate and key lost", "", "certs all", "remove "+pki+"apiserver.crt", "remove "+pki+"apiserver.key", "certs all"),
		with("authority's certificate lost", "", "certs all", "remove "+pki+"ca.crt", "certs all"),
		with("authority lost", "", "certs all", "remove "+pki+"ca.crt", "remove "+pki+"ca.key", "certs all"),
		with("public service account key lost", "", "certs all", "remove "+pki+"sa.pub", "certs all"),
		with("private service account key lost", "", "certs all", "remove "+pki+"sa.key", "certs all"),
		with("certificate of another authority", "", "certs all", "remove "+pki+"ca.crt", "remove "+pki+"ca.key", "certs ca", "certs apiserver"),
		with("kubeconfig lost", "", "certs all", "kubeconfig all", "remove /etc/kubernetes/admin.conf", "kubeconfig all"),
		with("kubeconfigs of another authority", "", "certs all", "kubeconfig all", "remove "+pki+"ca.crt", "remove "+pki+"ca.key", "certs ca", "kubeconfig all"),
		with("manifest lost", "", "control-plane all", "remove /etc/kubernetes/manifests/kube-scheduler.yaml", "control-plane all"),
	}
}

// flagCases say with flags what others say in a file.
func flagCases() []treeSample {
	flags := func(name string, phases ...string) treeSample {
		return treeSample{sample: sample{name: "flags: " + name}, phases: phases}
	}
	refused := func(name, phase string) treeSample {
		return treeSample{sample: sample{"flags beside a file: " + name, cluster(fast)}, phases: []string{phase}}
	}
	const version = " --kubernetes-version v1.37.0"
	network := " --service-cidr 10.9.0.0/16 --apiserver-advertise-address 192.0.2.7 --control-plane-endpoint api.example:7443"
	return []treeSample{
		flags("names", "certs ca"+version, "certs apiserver --apiserver-cert-extra-sans Mixed.Example,192.0.2.9 --service-dns-domain x.y"+network+version),
		flags("folder of certificates", "certs ca --cert-dir /c"+version, "kubeconfig admin --cert-dir /c --kubeconfig-dir /k --apiserver-bind-port 7000"+version),
		flags("API server", "control-plane apiserver --apiserver-extra-args v=2,audit-log-path=-"+network+version+" --cert-dir /c --apiserver-bind-port 7000"),
		flags("controller manager", "control-plane controller-manager --pod-network-cidr 10.244.0.0/16 --controller-manager-extra-args node-monitor-period=1s --image-repository r.example/k"+version),
		flags("scheduler", "control-plane scheduler --scheduler-extra-args v=5,bind-address=0.0.0.0 --image-repository localhost/a"+version),
		flags("argument twice", "control-plane apiserver --apiserver-extra-args v=2,a=b,v=3 --apiserver-extra-args v=4"+network+version),
		flags("argument with an equals sign", "control-plane apiserver --apiserver-extra-args feature-gates=A=true"+network+version),
		flags("argument without a value", "control-plane apiserver --apiserver-extra-args v"+network+version),
		flags("whole control plane", "control-plane all --pod-network-cidr 10.244.0.0/16 --apiserver-extra-args v=2"+network+version),
		flags("etcd", "etcd local --image-repository r.example/k --cert-dir /c"),
		flags("kubelet", "kubelet-start --node-name Other --cri-socket unix:///run/c.sock --image-repository r.example/k"),
		flags("kubelet, socket without scheme", "kubelet-start --node-name other --cri-socket /run/c.sock"),
		flags("malformed range", "control-plane apiserver --service-cidr x"+version),
		flags("malformed port", "control-plane apiserver --apiserver-bind-port 70000"+version),
		flags("malformed address", "control-plane apiserver --apiserver-advertise-address here"+version),
		flags("malformed name", "kubelet-start --node-name a_b"),
		flags("malformed version", "certs ca --kubernetes-version one"),
		flags("malformed repository", "etcd local --image-repository A/B/c"),
		flags("relative folder", "certs ca --cert-dir c"+version),
		flags("unknown", "certs ca --nothing"),
		flags("of another phase", "certs ca --pod-network-cidr 10.244.0.0/16"),
		flags("an argument", "certs ca more"+version),
		flags("patches that are not there", "etcd local --patches /nowhere"),
		refused("names", "certs apiserver --apiserver-cert-extra-sans a"),
		refused("folder", "certs ca --cert-dir /c"),
		refused("patches", "etcd local --patches /p"),
		refused("arguments", "control-plane apiserver --apiserver-extra-args v=2"),
		refused("version", "certs ca --kubernetes-version v1.37.0"),
		refused("socket", "kubelet-start --cri-socket unix:///run/c.sock"),
		{sample: sample{"flags beside a file: name of the node", cluster(fast)}, phases: []string{"kubelet-start --node-name n9"}},
		{sample: sample{"flags beside a file: folder of kubeconfigs", cluster(fast)}, phases: []string{"certs ca", "kubeconfig all --kubeconfig-dir /k"}},
		{sample: sample{"flags beside a file: dry run", cluster(fast)}, phases: []string{"certs ca --dry-run"}},
		{sample: sample{name: "flags: file that is not there"}, phases: []string{"certs ca --config /nowhere.yaml"}},
		{sample: sample{"unknown field", strings.Replace(cluster(fast), "kind: InitConfiguration\n", "kind: InitConfiguration\nnodeName: x\nnodeRegistration: {nam: y}\n", 1)}, phases: filePhases()},
	}
}
