package load_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"keelway.dev/keelway/internal/cluster/file/load"
)

const (
	three = `
  - {name: cp1, address: 192.0.2.11, roles: [controlplane]}
  - {name: cp2, address: 192.0.2.12, roles: [controlplane]}
  - {name: cp3, address: 192.0.2.13, roles: [controlplane]}
  - {name: w1, address: 192.0.2.21, roles: [worker]}
`
	one = `
  - {name: cp1, address: 192.0.2.11, roles: [controlplane, worker]}
`
	both = "  network: {pods: '10.244.0.0/16,fd00:1::/56', services: '10.96.0.0/12,fd00:2::/112'}\n"
)

// second is one with an address more.
func second(address string) string {
	return strings.Replace(one, "roles:", "secondAddress: '"+address+"', roles:", 1)
}

func text(hosts, more string) string {
	return "apiVersion: keelway.dev/v1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  kubernetesVersion: v1.37.0\n  hosts:" + hosts + more
}

func read(content string) (*load.Loaded, error) {
	return load.Read("cluster.yaml", []byte(content), load.Options{})
}

func hostKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"one host":          text(one, ""),
		"three and a":       text(three, ""),
		"minor":             strings.Replace(text(one, ""), "v1.37.0", `"1.37"`, 1),
		"own endpoint":      text(three, "  endpoint: k8s.example.com\n"),
		"haproxy":           text(three+"  - {name: lb1, address: 192.0.2.31, roles: [loadbalancer]}\n", ""),
		"haproxy on a node": text(three+"  - {name: lb1, address: 192.0.2.31, roles: [worker, loadbalancer]}\n", ""),
		"etcd hosts":        text(three+"  - {name: e, address: 192.0.2.99, roles: [etcd]}\n", "  etcd: {topology: external, dataDir: /data, extraArgs: [{name: quota-backend-bytes, value: '8589934592'}]}\n"),
		"external etcd":     text(one, "  etcd: {external: {endpoints: ['https://192.0.2.41:2379'], caFile: /a, certFile: /b, keyFile: /c}}\n"),
		"IPv6":              text("\n  - {name: cp1, address: '2001:db8::1', roles: [controlplane, worker]}\n", "  network: {pods: 'fd00:1::/56', services: 'fd00:2::/112'}\n"),
		"name for SSH":      text("\n  - {name: cp1, address: cp1.example.com, nodeAddress: 192.0.2.1, roles: [controlplane, worker]}\n", ""),
		"one address":       text("\n  - {name: cp1, address: gate.example.com, nodeAddress: 192.0.2.1, ssh: {port: 2201}, roles: [controlplane]}\n  - {name: w1, address: gate.example.com, nodeAddress: 192.0.2.2, ssh: {port: 2202}, roles: [worker]}\n", ""),
		"pinned key":        text("\n  - {name: cp1, address: 192.0.2.1, roles: [controlplane, worker], ssh: {hostKey: '"+hostKey(t)+"'}}\n", ""),
		"jump":              text(three, "  ssh: {jump: w1}\n"),
		"jump elsewhere":    text(three, "  ssh: {jump: 'admin@gate.example.com:2222'}\n"),
		"kubelet":           text(one, "  kubelet: {config: {maxPods: 50, syncFrequency: 30s}}\n"),
		"aliases":           text(one, "  apiServer: {extraArgs: &a [{name: v, value: '2'}]}\n  scheduler: {extraArgs: *a}\n"),
		"nothing":           text(one, "  etcd:\n  ssh:\n  kubelet: {config: }\n"),
		"three zones":       text(zoned("a", "b", "c"), ""),
		"JSON":              `{"apiVersion":"keelway.dev/v1","kind":"Cluster","metadata":{"name":"a"},"spec":{"kubernetesVersion":"v1.37.0","hosts":[{"name":"a","address":"192.0.2.1","roles":["controlplane","worker"]}]}}`,
	} {
		l, err := read(content)
		if err != nil {
			t.Errorf("%s is refused: %v", name, err)
			continue
		}
		if len(l.Warnings) > 0 {
			t.Errorf("%s warns: %v", name, l.Warnings)
		}
	}
}

func zoned(zones ...string) string {
	var b strings.Builder
	b.WriteString("\n")
	for i, z := range zones {
		if z != "" {
			z = ", zone: " + z
		}
		fmt.Fprintf(&b, "  - {name: cp%d, address: 192.0.2.%d, roles: [controlplane, worker]%s}\n", i, i+1, z)
	}
	return b.String()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	host := func(fields string) string {
		return "\n  - {name: cp1, address: 192.0.2.11, roles: [controlplane, worker], " + fields + "}\n"
	}
	with := func(more string) string { return three + "  - {" + more + "}\n" }
	const ext = "  etcd: {external: {endpoints: ['https://192.0.2.41:2379'], caFile: /a, certFile: /b, keyFile: /c}}\n"
	for _, row := range []struct {
		name, content string
		// want are parts of the line that says it.
		want string
	}{
		{"no YAML", "a: [", "cluster.yaml:1: it is not YAML"},
		{"nothing", "", "there is no cluster in it; `keelway cluster new`"},
		{"another kind", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n", ":1: this is a ClusterConfiguration of kubeadm.k8s.io/v1beta4|keelway cluster import"},
		{"another version", "apiVersion: keelway.dev/v2\nkind: Cluster\n", ":1: this is a Cluster of keelway.dev/v2"},
		{"two documents", text(one, "") + "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", ":9: a cluster file is one document|spec.kubelet.config"},
		{"twice", text(one, "  endpoint: a:1\n  endpoint: b:1\n"), `already set`},
		{"misspelled", text(one, "  endpiont: a:1\n"), `:8: spec.endpiont: there is no such field: did you mean "endpoint"?`},
		{"case", text(one, "  Endpoint: a:1\n"), `:8: spec.Endpoint: there is no such field: did you mean "endpoint"?`},
		{"list", text(one, "  endpoint: [a]\n"), ":8: spec.endpoint: it should be a text, and is a list"},
		{"number", text(host("ssh: {port: high}"), ""), ":7: spec.hosts[0].ssh.port: it should be a whole number, and is a text"},
		{"duration", text(one, "  certificates: {validity: 1 year}\n"), ":8: spec.certificates.validity: time: "},
		{"large number", text(host("ssh: {port: 99999999999999999999}"), ""), "ssh.port"},
		{"no name", strings.Replace(text(one, ""), "{name: demo}", "{}", 1), ":3: metadata.name: it is needed"},
		{"name", strings.Replace(text(one, ""), "name: demo", "name: Demo_1", 1), `:3: metadata.name: "Demo_1"`},
		{"no version", strings.Replace(text(one, ""), "kubernetesVersion: v1.37.0", "profile: hardened", 1), "spec.kubernetesVersion: it is needed|write spec.kubernetesVersion: v1."},
		{"version", strings.Replace(text(one, ""), "v1.37.0", "v1.20.0", 1), `:5: spec.kubernetesVersion: no release for Kubernetes "v1.20.0"`},
		{"profile", text(one, "  profile: loose\n"), `:8: spec.profile: "loose" is unknown; choose one of hardened, kubeadm`},
		{"no hosts", text(" []\n", ""), ":6: spec.hosts: there is none"},
		{"role", text(with("name: x, address: 192.0.2.99, roles: [master]"), ""), `:11: spec.hosts[4].roles: "master" is unknown; choose one of controlplane, worker, etcd, loadbalancer`},
		{"role twice", text(with("name: x, address: 192.0.2.99, roles: [worker, worker]"), ""), "spec.hosts[4].roles[1]: worker is there twice"},
		{"no role", text(with("name: x, address: 192.0.2.99"), ""), ":11: spec.hosts[4].roles: x has no role"},
		{"no control plane", text("\n  - {name: w1, address: 192.0.2.1, roles: [worker]}\n", ""), "none of them is a control plane"},
		{"host name", text(with("name: X_1, address: 192.0.2.99, roles: [worker]"), ""), `spec.hosts[4].name: "X_1"`},
		{"name twice", text(with("name: w1, address: 192.0.2.99, roles: [worker]"), ""), ":11: spec.hosts[4].name: the name w1 is that of host 4 too"},
		{"no address", text(with("name: x, roles: [worker]"), ""), ":11: spec.hosts[4].address: it is needed"},
		{"address", text(with("name: x, address: x.example.com, roles: [worker]"), ""), `spec.hosts[4].address: "x.example.com" is not an IP address; give an IP address, or add nodeAddress`},
		{"address twice", text(with("name: x, address: 192.0.2.21, roles: [worker]"), ""), "spec.hosts[4].address: the address 192.0.2.21 is that of w1 too"},
		{"node address twice", text(with("name: x, address: 198.51.100.1, nodeAddress: 192.0.2.21, roles: [worker]"), ""), "spec.hosts[4].nodeAddress: the node address 192.0.2.21 is that of w1 too"},
		{"node address", text(host("nodeAddress: here"), ""), `spec.hosts[0].nodeAddress: "here" is not an IP address`},
		{"loopback", text(host("nodeAddress: 127.0.0.1"), ""), "127.0.0.1 cannot be reached from other machines"},
		{"scope", text(host("nodeAddress: '2001:db8::1%eth0'"), ""), "is not a host's address by itself"},
		{"node name", text(host("nodeName: Big"), ""), `spec.hosts[0].nodeName: "Big"`},
		{"long node name", text(host("nodeName: "+strings.Repeat("a.", 32)+"a"), ""), "has 65 letters, and the label kubernetes.io/hostname has room for 63"},
		{"node name twice", text(with("name: x, address: 192.0.2.99, nodeName: w1, roles: [worker]"), ""), "the node name w1 is that of w1 too"},
		{"label's name", text(host("labels: {'a b': c}"), ""), "spec.hosts[0].labels.a b:"},
		{"label", text(host("labels: {a: 'b c'}"), ""), "spec.hosts[0].labels.a:"},
		{"own label", text(host("labels: {kubernetes.io/os: linux}"), ""), "the kubelet sets this label"},
		{"two zones", text(host("zone: a, labels: {topology.kubernetes.io/zone: b}"), ""), "it says b, and zone says a; keep zone alone"},
		{"zone", text(host("zone: 'a b'"), ""), "spec.hosts[0].zone:"},
		{"taint's key", text(host("taints: [{key: 'a b', effect: NoSchedule}]"), ""), "spec.hosts[0].taints[0].key:"},
		{"taint's value", text(host("taints: [{key: a, value: 'b c', effect: NoSchedule}]"), ""), "spec.hosts[0].taints[0].value:"},
		{"taint's effect", text(host("taints: [{key: a}]"), ""), `spec.hosts[0].taints[0].effect: "" is none of`},
		{"own taint", text(host("taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]"), ""), "Keelway sets this taint"},
		{"theirs", text(host("taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}]"), ""), "is set and removed by Kubernetes"},
		{"no node", text(with("name: lb, address: 192.0.2.99, roles: [loadbalancer], labels: {a: b}"), ""), ":11: spec.hosts[4]: lb becomes no node"},
		{"port", text(host("ssh: {port: 70000}"), ""), "spec.hosts[0].ssh.port: 70000 is not a port"},
		{"common port", text(three, "  ssh: {port: 70000}\n"), ":11: spec.ssh.port: 70000 is not a port"},
		{"user", text(host("ssh: {user: 'a b'}"), ""), "spec.hosts[0].ssh.user:"},
		{"host key", text(host("ssh: {hostKey: ssh-ed25519 AAAA}"), ""), "spec.hosts[0].ssh.hostKey: it is not a public key"},
		{"common host key", text(three, "  ssh: {hostKey: '"+hostKey(t)+"'}\n"), ":11: spec.ssh.hostKey: hosts do not share a key"},
		{"key itself", text(host("ssh: {keyFile: '-----BEGIN OPENSSH PRIVATE KEY-----'}"), ""), "it holds a key, where the path of one belongs"},
		{"jump", text(host("ssh: {jump: 'a b'}"), ""), `spec.hosts[0].ssh.jump: "a b" is neither; name a host of this file`},
		{"circle", text(host("ssh: {jump: w}")+"  - {name: w, address: 192.0.2.2, roles: [worker], ssh: {jump: cp1}}\n", ""), "the way to cp1 leads in a circle, through w"},
		{"itself", text(host("ssh: {jump: cp1}"), ""), "the way to cp1 leads in a circle"},
		{"none for three", text(three, "  loadBalancing: {kind: none}\n"), ":11: spec.loadBalancing.kind: with none, nothing leads clients"},
		{"external where", text(three, "  loadBalancing: {kind: external}\n"), "spec.endpoint: it is needed"},
		{"haproxy where", text(three, "  loadBalancing: {kind: haproxy}\n"), "haproxy runs on hosts with the role loadbalancer, and there is none"},
		{"balancer for whom", text(with("name: lb, address: 192.0.2.99, roles: [loadbalancer]"), "  loadBalancing: {kind: node}\n"), "lb has the role loadbalancer, which only haproxy uses"},
		{"two balancers", text(with("name: lb, address: 192.0.2.98, roles: [loadbalancer]")+"  - {name: lb2, address: 192.0.2.99, roles: [loadbalancer]}\n", ""), "spec.endpoint: it is needed with 2 load balancers"},
		{"balancer's port", text(with("name: lb, address: 192.0.2.99, roles: [loadbalancer]"), "  endpoint: 192.0.2.99:6443\n  loadBalancing: {port: 8443}\n"), "the load balancer listens at 8443, and the endpoint says 6443"},
		{"same port", text("\n  - {name: cp1, address: 192.0.2.11, roles: [controlplane, worker, loadbalancer]}\n", ""), "the API server of cp1 already listens at port 6443"},
		{"node port", text(three, "  loadBalancing: {kind: node, port: 6443}\n"), "the API server listens at 6443 on every control plane"},
		{"bad port", text(three, "  loadBalancing: {port: -1}\n"), "spec.loadBalancing.port: -1 is not a port"},
		{"balancing", text(three, "  loadBalancing: {kind: nginx}\n"), `"nginx" is unknown; choose one of none, external, haproxy, node`},
		{"endpoint's port", text(one, "  endpoint: a.example.com:0\n"), "has no port between 1 and 65535"},
		{"endpoint", text(one, "  endpoint: https://a.example.com\n"), `:8: spec.endpoint: "https://a.example.com" is not an address or a DNS name with a port`},
		{"endpoint's address", text(one, "  endpoint: 192.0.2.300:6443\n"), `"192.0.2.300" is no IP address`},
		{"endpoint here", text(one, "  endpoint: 127.0.0.1:6443\n"), "127.0.0.1 is another machine on every host"},
		{"endpoint's name", text(one, "  endpoint: a_b:6443\n"), `spec.endpoint: "a_b"`},
		{"topology", text(one, "  etcd: {topology: far}\n"), `"far" is unknown; choose one of stacked, external`},
		{"stacked elsewhere", text(one, strings.Replace(ext, "{external", "{topology: stacked, external", 1)), "a stacked etcd has no external endpoints"},
		{"etcd where", text(one, "  etcd: {topology: external}\n"), "etcd is external, and nothing says where it is"},
		{"etcd host", text(with("name: e, address: 192.0.2.99, roles: [etcd]"), ""), "e has the role etcd and is no control plane"},
		{"two etcds", text(with("name: e, address: 192.0.2.99, roles: [etcd]"), ext), "e has the role etcd, and etcd is on others' machines"},
		{"others' data", text(one, strings.Replace(ext, "{external", "{dataDir: /a, external", 1)), "they are for members that Keelway makes, and etcd is on others' machines"},
		{"etcd beside others", text(with("name: e, address: 192.0.2.99, roles: [etcd, worker]"), "  etcd: {topology: external}\n"), ":11: spec.hosts[4].roles: e has the role etcd beside others|give etcd a host of its own"},
		{"etcd's own data", text(with("name: e, address: 192.0.2.99, roles: [etcd]"), "  etcd: {topology: external, dataDir: data}\n"), `spec.etcd.dataDir: "data" is not an absolute path`},
		{"plain etcd", text(one, "  etcd: {external: {endpoints: ['http://192.0.2.41:2379']}}\n"), "caFile, certFile and keyFile are needed"},
		{"etcd URL", text(one, strings.Replace(ext, "https:", "http:", 1)), "spec.etcd.external.endpoints[0]:|is not an https URL"},
		{"etcd path", text(one, strings.Replace(ext, "/a", "a", 1)), `spec.etcd.external.caFile: "a" is not an absolute path`},
		{"data folder", text(one, "  etcd: {dataDir: data}\n"), `spec.etcd.dataDir: "data" is not an absolute path`},
		{"pods", text(one, "  network: {pods: 10.0.0.0}\n"), `:8: spec.network.pods: "10.0.0.0" is not a CIDR`},
		{"overlap", text(one, "  network: {pods: 10.96.0.0/16}\n"), "spec.network.pods: the pod range 10.96.0.0/16 and the service range 10.96.0.0/12 overlap"},
		{"small services", text(one, "  network: {services: 10.96.0.0/30}\n"), "spec.network.services: 10.96.0.0/30 has 4 addresses"},
		{"domain", text(one, "  network: {dnsDomain: Cluster}\n"), `spec.network.dnsDomain: "Cluster"`},
		{"host in pods", text(one, "  network: {pods: 192.0.0.0/16}\n"), ":7: spec.hosts[0].address: 192.0.2.11 lies in the cluster's pod range"},
		{"host in services", text(one, "  network: {services: 192.0.2.0/24}\n"), "192.0.2.11 lies in the cluster's service range"},
		{"nodes", text(one, "  network: {nodes: [here]}\n"), `:8: spec.network.nodes[0]: "here" is none; write a CIDR`},
		{"outside", text(one, "  network: {nodes: [198.51.100.0/24]}\n"), "spec.hosts[0].address: 192.0.2.11 lies in none of the hosts' networks"},
		{"nodes in pods", text(one, "  network: {nodes: [192.0.2.0/24, 10.244.7.0/24]}\n"), "spec.network.nodes[1]: the hosts' network 10.244.7.0/24 and the pod range 10.244.0.0/16 overlap"},
		{"families", text(one, "  network: {pods: 'fd00:1::/56', services: 'fd00:2::/112'}\n"), "192.0.2.11 is of another family than the pod range"},
		{"mixed", text(one, "  network: {services: 'fd00:2::/112'}\n"), "spec.network.services: fd00:2::/112 is of another family"},
		{"no second address", text(one, both), "spec.hosts[0].secondAddress: it is needed where pods have two families of addresses"},
		{"a second address of the same family", text(second("192.0.2.12"), both), "spec.hosts[0].secondAddress: 192.0.2.12 is of the same family as 192.0.2.11"},
		{"a second address of the pods", text(second("fd00:1::5"), both), "spec.hosts[0].secondAddress: fd00:1::5 lies in the cluster's pod range fd00:1::/56"},
		{"a second address that is none", text(second("here"), both), `spec.hosts[0].secondAddress: "here" is not an IP address`},
		{"a second address for one family", text(second("fd00:3::5"), ""), "spec.hosts[0].secondAddress: pods have one family of addresses"},
		{"Services of one family", text(second("fd00:3::5"), "  network: {pods: '10.244.0.0/16,fd00:1::/56'}\n"), "spec.network.services: 1 families have services, and 2 have pods"},
		{"the other family first", text(second("fd00:3::5"), "  network: {pods: 'fd00:1::/56,10.244.0.0/16', services: 'fd00:2::/112,10.96.0.0/12'}\n"), "192.0.2.11 is of another family than the pod range fd00:1::/56"},
		{"algorithm", text(one, "  certificates: {algorithm: DSA}\n"), `spec.certificates.algorithm: "DSA" is none of`},
		{"validity", text(one, "  certificates: {validity: 90000h}\n"), "spec.certificates.validity: 90000h0m0s is longer than the CA's"},
		{"CA validity", text(one, "  certificates: {caValidity: -1h}\n"), "spec.certificates.caValidity: -1h0m0s is not a time"},
		{"SAN", text(one, "  certificates: {extraSANs: [ok, a_b]}\n"), `spec.certificates.extraSANs[1]: "a_b"`},
		{"repository", text(one, "  imageRepository: Registry/Here\n"), `spec.imageRepository: "Registry/Here"`},
		{"dashes", text(one, "  apiServer: {extraArgs: [{name: --v, value: '2'}]}\n"), `spec.apiServer.extraArgs[0].name: "--v": flags are written without their dashes; write v`},
		{"equals", text(one, "  scheduler: {extraArgs: [{name: v=2, value: ''}]}\n"), `spec.scheduler.extraArgs[0].name: "v=2" is not the name of a flag`},
		{"no flag", text(one, "  controllerManager: {extraArgs: [{value: ''}]}\n"), "spec.controllerManager.extraArgs[0].name: the argument has no name"},
		{"map of flags", text(one, "  etcd: {extraArgs: {v: 2}}\n"), "spec.etcd.extraArgs: it should be a list, and is a map"},
		{"mask", text(one, "  controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv4, value: few}]}\n"), "spec.controllerManager.extraArgs: node-cidr-mask-size-ipv4=few is not a number"},
		{"volume", text(one, "  apiServer: {extraVolumes: [{name: a, hostPath: b, mountPath: /c}]}\n"), "spec.apiServer.extraVolumes[0]: hostPath and mountPath are absolute paths"},
		{"volume twice", text(one, "  apiServer: {extraVolumes: [{name: a, hostPath: /b, mountPath: /c}, {name: a, hostPath: /d, mountPath: /e}]}\n"), "the volume a is there twice"},
		{"variable", text(one, "  apiServer: {extraEnvs: [{value: a}]}\n"), "spec.apiServer.extraEnvs[0].name: it is needed"},
		{"one for all", text(one, "  kubelet: {extraArgs: [{name: node-ip, value: 192.0.2.1}]}\n"), "no two hosts share node-ip"},
		{"kubelet", text(one, "  kubelet:\n    config:\n      maxPod: 5\n"), `:10: spec.kubelet.config.maxPod: there is no such field: did you mean "maxPods"?`},
		{"kubelet's number", text(one, "  kubelet:\n    config:\n      maxPods: many\n"), ":10: spec.kubelet.config.maxPods: it should be a whole number, and is a text"},
		{"kubelet's kind", text(one, "  kubelet: {config: {kind: Pod}}\n"), "spec.kubelet.config: it is a Pod"},
		{"kubelet's file", text(one, "  kubelet: {configFile: k.yaml}\n"), "spec.kubelet.configFile: other files cannot be read here; embed the document"},
		{"kubelet twice", text(one, "  kubelet: {configFile: k.yaml, config: {}}\n"), "config and configFile exclude each other"},
		{"proxy", text(one, "  kubeProxy: {config: {mod: ipvs}}\n"), `spec.kubeProxy.config.mod: there is no such field: did you mean "mode"?`},
		{"hook's name", text(one, "  hooks: {beforeApply: [{command: [a]}]}\n"), "spec.hooks.beforeApply[0].name: it is needed"},
		{"hook", text(one, "  hooks: {afterApply: [{name: a}]}\n"), "spec.hooks.afterApply[0].command: it is needed"},
		{"hook of two kinds", text(one, "  hooks: {beforeHost: [{name: a, command: [b], script: c}]}\n"), "spec.hooks.beforeHost[0]: command, script and scriptFile exclude each other"},
		{"hook for two kinds", text(one, "  hooks: {afterHost: [{name: a, command: [b], hosts: [cp1], roles: [worker]}]}\n"), "spec.hooks.afterHost[0]: hosts and roles exclude each other"},
		{"hook in no time", text(one, "  hooks: {afterHost: [{name: a, command: [b], timeout: -1s}]}\n"), "spec.hooks.afterHost[0].timeout: -1s is not a time"},
		{"hook's file", text(one, "  hooks: {afterHost: [{name: a, scriptFile: b}]}\n"), "spec.hooks.afterHost[0].scriptFile: other files cannot be read here"},
		{"hook's host", text(one, "  hooks: {afterApply: [{name: a, command: [b], hosts: [c]}]}\n"), `spec.hooks.afterApply[0].hosts[0]: there is no host "c"`},
		{"shell line", text(one, "  hooks: {afterApply: [{name: a, command: echo a}]}\n"), "command: it should be a list, and is a text"},
		{"manifest", text(one, "  addons: {manifests: ['']}\n"), "spec.addons.manifests[0]: it is empty"},
		{"mirror", text(one, "  mirrors: [{registry: docker.io/library, endpoints: []}]\n"), `spec.mirrors[0].registry: "docker.io/library" is not a registry`},
		{"mirror where", text(one, "  mirrors: [{registry: docker.io}]\n"), "spec.mirrors[0].endpoints: at least one is needed"},
		{"mirror's URL", text(one, "  mirrors: [{registry: docker.io, endpoints: [here]}]\n"), "spec.mirrors[0].endpoints[0]: it is not a URL"},
		{"proxy's URL", text(one, "  proxies: {https: 'user:secret@proxy'}\n"), "spec.proxies.https: it is not a URL"},
		{"audit", text(one, "  audit: {maxAge: -1}\n"), "maxAge, maxBackups and maxSize are positive"},
		{"audit off", text(one, "  profile: kubeadm\n  audit: {maxAge: 1}\n"), "the audit log is off"},
		{"encryption off", text(one, "  profile: kubeadm\n  encryption: {resources: [secrets]}\n"), "encryption is off"},
		{"no chart", text(one, "  addons: {helm: [{name: a}]}\n"), ":8: spec.addons.helm[0].chart: it is needed"},
		{"charts' names", text(one, "  addons: {helm: [{name: A, chart: b}, {name: c, chart: b}, {name: c, chart: b, namespace: D}]}\n"), `spec.addons.helm[0].name: "A"|spec.addons.helm[2].name: the release c is there twice|spec.addons.helm[2].namespace: "D"`},
		{"others' files", text(one, "  addons: {manifests: [a]}\n"), "spec.addons.manifests[0]: other files cannot be read here"},
		{"mirror twice", text(one, "  mirrors: [{registry: a.example, endpoints: ['https://b']}, {registry: a.example, endpoints: ['https://c']}]\n"), "spec.mirrors[1].registry: a.example is there twice"},
		{"mirror's CA", text(one, "  mirrors: [{registry: a.example, endpoints: ['https://b'], ca: none}]\n"), "spec.mirrors[0].ca: it is no certificate in PEM"},
		{"no proxy", text(one, "  proxies: {noProxy: [a]}\n"), "spec.proxies.noProxy: it says what needs no proxy, and there is none"},
		{"several in one", text(one, "  proxies: {http: 'http://a', noProxy: ['a,b']}\n"), `spec.proxies.noProxy[0]: "a,b" is none`},
		{"policy", text(one, "  audit: {policyFile: a}\n"), "spec.audit.policyFile: not yet"},
		{"no audit", text(one, "  audit: {enabled: false}\n"), "spec.audit.enabled: not yet"},
		{"more audit", text(one, "  profile: kubeadm\n  audit: {enabled: true}\n"), "spec.audit.enabled: not yet"},
		{"no encryption", text(one, "  encryption: {enabled: false}\n"), "spec.encryption.enabled: not yet"},
		{"more encryption", text(one, "  profile: kubeadm\n  encryption: {enabled: true}\n"), "spec.encryption.enabled: not yet"},
		{"resources", text(one, "  encryption: {resources: [configmaps]}\n"), "spec.encryption.resources: not yet"},
	} {
		_, err := read(row.content)
		if err == nil {
			t.Errorf("%s is accepted", row.name)
			continue
		}
		for part := range strings.SplitSeq(row.want, "|") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: does not say %q:\n%v", row.name, part, err)
			}
		}
		if strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s repeats a password: %v", row.name, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, content, want string
	}{
		{"no worker", text("\n  - {name: cp1, address: 192.0.2.11, roles: [controlplane]}\n", ""), "there is no worker"},
		{"even", text(zoned("", ""), ""), "2 members of etcd survive no more failures than 1: 2 must be left; have 1 or 3"},
		{"two of three in a zone", text(zoned("a", "a", "b"), ""), "without the zone a, 1 of 3 members of etcd are left, and 2 are needed"},
		{"two and two", text(zoned("a", "a", "b", "b"), ""), "without the zone b, 2 of 4"},
		{"all in one", text(zoned("a", "a", "a"), ""), "without the zone a, 0 of 3"},
		{"one without", text(zoned("a", "b", ""), ""), "cp2 has a member of etcd and no zone"},
		{"own endpoint", text(three, "  endpoint: 192.0.2.11:6443\n"), "192.0.2.11 is the control plane cp1"},
		{"jump by alias", text("\n  - {name: cp1, address: 192.0.2.11, roles: [controlplane, worker], ssh: {jump: gate}}\n", ""), "gate is no host of this file"},
	} {
		l, err := read(row.content)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		all := fmt.Sprint(l.Warnings)
		if strings.Contains(all, "secret@") {
			t.Errorf("%s repeats a password: %v", row.name, all)
		}
		if !strings.Contains(all, row.want) {
			t.Errorf("%s: warns %v, want %q", row.name, all, row.want)
		}
	}
}

// TestAllAtOnce: every mistake is told in one run, each with its line.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(text("\n  - {name: A, address: here, roles: [controlplane]}\n", "  profile: none\n  network: {pods: x}\n  endpoint: ':'\n"))
	problems, warnings := load.Problems(err)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Message, "there is no worker") {
		t.Errorf("warnings are not told beside errors: %v", warnings)
	}
	lines := map[int]bool{}
	for _, p := range problems {
		lines[p.Line] = true
	}
	for _, want := range []int{7, 8, 9, 10} {
		if !lines[want] {
			t.Errorf("nothing is said of line %d: %v", want, err)
		}
	}
	_, err = read(text(one, "  proxies: {http: 'http://user:secret@proxy', noProxy: ['a,b']}\n"))
	if _, warnings := load.Problems(err); len(warnings) != 1 || !strings.Contains(warnings[0].String(), "spec.proxies.http: it holds a password") || strings.Contains(err.Error()+warnings[0].String(), "secret@") {
		t.Errorf("a password is not warned of, or repeated: %v", warnings)
	}
	_, err = read("apiVersion: keelway.dev/v1\nkind: Cluster\na: 1\nspec:\n  b: 2\n  hosts:\n  - c: 3\n  kubelet:\n    config:\n      d: 4\n")
	if problems, _ := load.Problems(err); len(problems) != 4 {
		t.Errorf("%d problems, want 4: %v", len(problems), err)
	}
}

func TestNamedFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"conf/kubelet.yaml": "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 50\n",
		"conf/bad.yaml":     "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPod: 50\nsyncFrequency: 5x\n",
		"conf/two.yaml":     "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n---\napiVersion: a/b\nkind: c\n",
		"/proxy.yaml":       "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\n",
	}
	o := load.Options{ReadFile: func(path string) ([]byte, error) {
		if content, ok := files[path]; ok {
			return []byte(content), nil
		}
		return nil, os.ErrNotExist
	}}
	l, err := load.Read("conf/cluster.yaml", []byte(text(one, "  kubelet: {configFile: kubelet.yaml}\n  kubeProxy: {configFile: /proxy.yaml}\n")), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.Cluster.Documents()
	if err != nil || d.Kubelet.MaxPods != 50 || d.Proxy.Mode != "ipvs" || l.Cluster.Spec.Kubelet.ConfigFile != "" {
		t.Errorf("the files are not in the documents: %+v %v", d, err)
	}
	for name, want := range map[string]string{
		"missing.yaml": "cluster.yaml:8: spec.kubelet.configFile: file does not exist",
		"bad.yaml":     `conf/bad.yaml:3: KubeletConfiguration maxPod: there is no such field: did you mean "maxPods"?`,
		"two.yaml":     "it is a c of a/b",
		"/proxy.yaml":  "it is a KubeProxyConfiguration",
	} {
		_, err := load.Read("conf/cluster.yaml", []byte(text(one, "  kubelet: {configFile: "+name+"}\n")), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	for path, want := range map[string]string{"a": "conf/a", "../a": "a", "/a": "/a", "~/a": "~/a", "": ""} {
		if got := l.Path(path); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
	if problems, _ := load.Problems(errors.New("x")); problems != nil {
		t.Error("another error has problems")
	}
}

// TestLarge: the time grows with the number of hosts, and no faster.
func TestLarge(t *testing.T) {
	hosts := func(count int) string {
		var b strings.Builder
		b.WriteString(strings.TrimSuffix(one, "\n"))
		for n := range count {
			fmt.Fprintf(&b, "\n  - {name: w%d, address: 10.%d.%d.%d, roles: [worker], zone: z%d, labels: {a: b}, ssh: {jump: cp1}}", n, 1+n/60000, n/250%250, 1+n%250, n%3)
		}
		return text(b.String()+"\n", "")
	}
	took := func(count int) time.Duration {
		content := hosts(count)
		begin := time.Now()
		l, err := read(content)
		if err != nil || len(l.Cluster.Spec.Hosts) != count+1 {
			t.Fatal(err)
		}
		if d, err := l.Cluster.Documents(); err != nil || len(d.Nodes) != count+1 {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	// A busy machine may hold one of them up: the best of several counts.
	small, large := took(500), took(5000)
	for range 4 {
		small = min(small, took(500))
		if large < 30*small {
			break
		}
		large = min(large, took(5000))
	}
	t.Logf("500 hosts %v, 5,000 hosts %v", small, large)
	if large > 30*small {
		t.Errorf("500 hosts take %v, and 5,000 take %v: the time should grow tenfold", small, large)
	}
}
