package foreign

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
	"keelway.dev/keelway/internal/config/document"
)

// K0sctl makes a cluster file of a k0sctl file (k0sctl.k0sproject.io). k0s'
// configuration is in it, or a document of its own in the same file.
func K0sctl(f ansible.File) (*Imported, error) {
	documents, broken := document.Split(f.Path, f.Text)
	if len(broken) > 0 {
		return nil, fmt.Errorf("%s", broken[0])
	}
	var cluster, own tree
	for _, d := range documents {
		var t tree
		if err := yaml.Unmarshal(d.JSON, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		switch {
		case strings.HasPrefix(d.Version, "k0sctl."):
			cluster = t
		case d.Kind == "ClusterConfig":
			own = t
		}
	}
	if cluster == nil {
		return nil, fmt.Errorf("%s has no Cluster of k0sctl", f.Path)
	}
	name := cluster.text("metadata.name")
	if name == "" {
		name = "k0s-cluster" // k0sctl's default
	}
	m := start("the k0sctl file "+f.Path, name)
	k := k0s{m, f.Path}
	for i, item := range cluster.list("spec.hosts") {
		if h, ok := item.(map[string]any); ok {
			k.host(i, h)
		}
	}
	m.Cluster.Spec.KubernetesVersion = version(cluster.text("spec.k0s.version"))
	if embedded := cluster.sub("spec.k0s.config"); embedded != nil {
		own = embedded
	}
	if own != nil {
		k.config(own)
	}
	for _, path := range []string{"apiVersion", "kind", "spec.options", "spec.k0s.versionChannel"} {
		cluster.take(path) // about k0sctl itself
	}
	cluster.rest(m, f.Path, "", "there is no field for it in a cluster file")
	return m, nil
}

type k0s struct {
	m    *Imported
	file string
}

func (k k0s) host(i int, t tree) {
	var h file.Host
	at := fmt.Sprintf("spec.hosts[%d]", i)
	ssh := t.sub("ssh")
	standard := "root" // k0sctl's default; OpenSSH has its own
	if ssh == nil {
		ssh, standard = t.sub("openSSH"), ""
	}
	h.Address = ssh.text("address")
	h.SSH.User = cmp.Or(ssh.text("user"), standard)
	if n, err := strconv.Atoi(ssh.text("port")); err == nil && n != 22 {
		h.SSH.Port = n
	}
	h.SSH.KeyFile, h.SSH.HostKey = ssh.text("keyPath"), ssh.text("hostKey")
	if b := ssh.sub("bastion"); b != nil {
		h.SSH.Jump = jump(b)
		b.rest(k.m, k.file, at+".ssh.bastion", "say it in ~/.ssh/config")
	}
	ssh.rest(k.m, k.file, at+".ssh", "say it in ~/.ssh/config")
	if private := t.text("privateAddress"); private != h.Address {
		h.NodeAddress = private
	}
	h.Name = t.text("hostname")
	k.roles(&h, t, at)
	for n, item := range t.list("installFlags") {
		k.flag(&h, word(item), fmt.Sprintf("%s.installFlags[%d]", at, n))
	}
	for _, path := range []string{"uploadBinary", "useExistingK0s", "k0sBinaryPath", "k0sInstallPath", "k0sDownloadURL", "os"} {
		t.take(path) // how k0s itself comes to the host
	}
	t.rest(k.m, k.file, at, "there is no field for it in a host")
	if h.Name == "" {
		h.Name = k.name(h)
		k.m.leave(k.file, at+".hostname", "it is not said, and was made up: the host is called %s here, and so is its node", h.Name)
	}
	k.m.Cluster.Spec.Hosts = append(k.m.Cluster.Spec.Hosts, h)
}

// name makes up a name of the role and a number, as a lab does.
func (k k0s) name(h file.Host) string {
	short, role := "w", file.Worker
	if h.Is(file.ControlPlane) {
		short, role = "cp", file.ControlPlane
	}
	return fmt.Sprintf("%s%d", short, len(slices.DeleteFunc(k.m.Cluster.With(role), func(o file.Host) bool { return role == file.Worker && o.Is(file.ControlPlane) }))+1)
}

func (k k0s) roles(h *file.Host, t tree, at string) {
	role, free := t.text("role"), t.yes("noTaints")
	switch role {
	case "controller":
		h.Roles = []file.Role{file.ControlPlane}
		k.m.leave(k.file, at+".role", "a k0s controller runs no kubelet; a control plane of kubeadm's is a node too, with a taint")
	case "controller+worker":
		h.Roles = []file.Role{file.ControlPlane}
		if free {
			h.Roles = append(h.Roles, file.Worker)
		}
	case "single":
		h.Roles = []file.Role{file.ControlPlane, file.Worker}
	case "worker":
		h.Roles = []file.Role{file.Worker}
	default:
		k.m.leave(k.file, at+".role", "%q is no role of k0sctl's", role)
	}
}

// flag carries over what an installation of k0s was told.
func (k k0s) flag(h *file.Host, flag, at string) {
	name, value, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
	switch name {
	case "labels":
		for part := range strings.SplitSeq(strings.Trim(value, `"'`), ",") {
			key, label, _ := strings.Cut(part, "=")
			if h.Labels == nil {
				h.Labels = map[string]string{}
			}
			h.Labels[key] = label
		}
	case "taints":
		for part := range strings.SplitSeq(strings.Trim(value, `"'`), ",") {
			if t, ok := taint(part); ok {
				h.Taints = append(h.Taints, t)
			}
		}
	case "no-taints":
		if h.Is(file.ControlPlane) && !h.Is(file.Worker) {
			h.Roles = append(h.Roles, file.Worker)
		}
	case "enable-worker", "debug", "disable-components", "enable-dynamic-config":
		k.m.leave(k.file, at, "--%s is about k0s itself", name)
	default:
		k.m.leave(k.file, at, "--%s has no field in a host", name)
	}
}

// jump is user@host:port of a bastion.
func jump(b tree) string {
	address := b.text("address")
	if port := b.text("port"); port != "" && port != "22" {
		address = net.JoinHostPort(address, port)
	}
	return cmp.Or(b.text("user"), "root") + "@" + address
}

// config carries k0s' own configuration over.
func (k k0s) config(t tree) {
	s := &k.m.Cluster.Spec
	s.Network.Pods, s.Network.Services = t.text("spec.network.podCIDR"), t.text("spec.network.serviceCIDR")
	s.Network.DNSDomain = t.text("spec.network.clusterDomain")
	if p := t.text("spec.network.provider"); p != "" {
		k.m.leave(k.file, "spec.network.provider", "Keelway's pod network is flannel, so far the only one, and %s is not it", p)
	}
	if mode := t.text("spec.network.kubeProxy.mode"); mode != "" {
		embed(&s.KubeProxy.Config, "mode", mode)
	}
	if t.yes("spec.network.nodeLocalLoadBalancing.enabled") {
		s.LoadBalancing.Kind = file.NodeLocal
	}
	t.take("spec.network.nodeLocalLoadBalancing.type")
	s.Certificates.ExtraSANs = texts(t.take("spec.api.sans"))
	port := t.text("spec.api.port")
	if external := t.text("spec.api.externalAddress"); external != "" {
		if port == "" {
			port = "6443"
		}
		s.Endpoint = net.JoinHostPort(external, port)
		if a, err := netip.ParseAddr(external); err == nil {
			s.Endpoint = net.JoinHostPort(a.String(), port)
		}
	} else if port != "" && port != "6443" {
		k.m.leave(k.file, "spec.api.port", "the API server's port is 6443")
	}
	s.APIServer.ExtraArgs = args(t.sub("spec.api.extraArgs"))
	s.ControllerManager.ExtraArgs = args(t.sub("spec.controllerManager.extraArgs"))
	s.Scheduler.ExtraArgs = args(t.sub("spec.scheduler.extraArgs"))
	switch kind := t.text("spec.storage.type"); kind {
	case "", "etcd":
		if external := t.sub("spec.storage.etcd.externalCluster"); external != nil {
			s.Etcd.External = &file.ExternalEtcd{Endpoints: texts(external.take("endpoints")), CAFile: external.text("caFile"), CertFile: external.text("clientCertFile"), KeyFile: external.text("clientKeyFile")}
			external.rest(k.m, k.file, "spec.storage.etcd.externalCluster", "there is no field for it in a cluster file")
		}
	default:
		k.m.leave(k.file, "spec.storage.type", "the API server stores in etcd alone, and not in %s", kind)
	}
	if c := t.sub("spec.extensions"); c != nil {
		k.m.leave(k.file, "spec.extensions", "its charts come from repositories: fetch each with `helm pull`, and name it in spec.addons.helm")
	}
	for _, path := range []string{"apiVersion", "kind", "metadata", "spec.telemetry", "spec.images", "spec.konnectivity", "spec.installConfig", "spec.api.address", "spec.api.k0sApiPort", "spec.storage.etcd.peerAddress"} {
		t.take(path) // about k0s itself
	}
	t.rest(k.m, k.file, "", "there is no field for it in a cluster file")
}
