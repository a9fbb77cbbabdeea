package foreign

import (
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
	"keelway.dev/keelway/internal/config"
)

// Kubespray's groups, with their older names.
func planes() []string  { return []string{"kube_control_plane", "kube_master"} }
func workers() []string { return []string{"kube_node"} }

// Kubespray makes a cluster file of an inventory and its variables.
func Kubespray(inventory ansible.File, others []ansible.File) (*Imported, error) {
	i, err := ansible.Read(inventory, others)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(i.Hosts, func(h string) bool { return i.In(h, planes()...) }) {
		return nil, fmt.Errorf("%s has no host in the group kube_control_plane: it is no Kubespray inventory", inventory.Path)
	}
	name := path.Base(path.Dir(path.Clean(inventory.Path)))
	m := start("the Kubespray inventory "+inventory.Path, name)
	if name == "." || name == "/" {
		m.Cluster.Metadata.Name = "cluster"
	}
	v := variables{m: m, vars: ansible.Vars{}}
	// A group further down in the tree goes before one above it.
	for _, g := range []string{"all", "k8s_cluster", "kube_control_plane", "kube_master", "kube_node", "etcd"} {
		maps.Copy(v.vars, i.Group(g))
	}
	v.cluster()
	members := 0
	for _, h := range i.Hosts {
		if i.In(h, "bastion") && !i.In(h, append(planes(), workers()...)...) {
			v.bastion(h, i.Host(h))
			continue
		}
		host, ok := v.host(i, h)
		if !ok {
			m.leave(inventory.Path, h, "it is in no group of Kubespray's that makes it part of the cluster")
			continue
		}
		if host.Is(file.EtcdMember) {
			members++
		}
		m.Cluster.Spec.Hosts = append(m.Cluster.Spec.Hosts, host)
	}
	v.topology(inventory.Path, members)
	v.common()
	for _, g := range i.Groups() {
		if g == "calico_rr" && slices.ContainsFunc(i.Hosts, func(h string) bool { return i.In(h, g) }) {
			m.leave(inventory.Path, g, "route reflectors are Calico's, and Keelway's pod network is flannel")
		}
	}
	v.rest()
	return m, nil
}

// topology tells stacked etcd from one on hosts of its own.
func (v variables) topology(inventory string, members int) {
	c := &v.m.Cluster
	apart := slices.ContainsFunc(c.With(file.EtcdMember), func(h file.Host) bool { return !h.Is(file.ControlPlane) })
	if apart {
		c.Spec.Etcd.Topology = file.External
		return
	}
	if n := len(c.With(file.ControlPlane)); members > 0 && members < n {
		v.m.leave(inventory, "etcd", "%d of %d control planes have a member; stacked, each of them has one", members, n)
	}
	for i, h := range c.Spec.Hosts {
		// A stacked member needs no word.
		c.Spec.Hosts[i].Roles = slices.DeleteFunc(h.Roles, func(r file.Role) bool { return r == file.EtcdMember })
	}
}

// cluster carries the variables over that are of the whole cluster.
func (v variables) cluster() {
	s := &v.m.Cluster.Spec
	s.KubernetesVersion = version(v.text("kube_version"))
	s.Network.Pods, s.Network.Services = v.text("kube_pods_subnet"), v.text("kube_service_addresses")
	s.Network.DNSDomain = v.text("cluster_name")
	if domain := v.text("dns_domain"); domain != "" {
		s.Network.DNSDomain = domain
	}
	if n := v.text("kube_network_node_prefix"); n != "" && n != "24" {
		s.ControllerManager.ExtraArgs = append(s.ControllerManager.ExtraArgs, config.Arg{Name: "node-cidr-mask-size", Value: n})
	}
	s.Etcd.DataDir = v.text("etcd_data_dir")
	if s.Etcd.DataDir == config.DefaultEtcdDataDir {
		s.Etcd.DataDir = ""
	}
	s.ImageRepository = v.text("kube_image_repo")
	s.Certificates.ExtraSANs = v.list("supplementary_addresses_in_ssl_keys")
	s.Proxies.HTTP, s.Proxies.HTTPS = v.text("http_proxy"), v.text("https_proxy")
	s.Proxies.NoProxy = append(v.list("no_proxy"), v.list("additional_no_proxy")...)
	s.APIServer.ExtraArgs = args(v.dict("kube_kubeadm_apiserver_extra_args"))
	if ttl := v.text("event_ttl_duration"); ttl != "" && ttl != "1h0m0s" {
		s.APIServer.ExtraArgs = append(s.APIServer.ExtraArgs, config.Arg{Name: "event-ttl", Value: ttl})
	}
	s.ControllerManager.ExtraArgs = append(s.ControllerManager.ExtraArgs, args(v.dict("kube_kubeadm_controller_extra_args"))...)
	s.Scheduler.ExtraArgs = args(v.dict("kube_kubeadm_scheduler_extra_args"))
	if mode := v.text("kube_proxy_mode"); mode != "" {
		embed(&s.KubeProxy.Config, "mode", mode)
		if v.yes("kube_proxy_strict_arp") {
			embed(&s.KubeProxy.Config, "ipvs", map[string]any{"strictARP": true})
		}
	}
	fields := v.dict("kubelet_config_extra_args")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		embed(&s.Kubelet.Config, name, fields[name])
	}
	if n, ok := v.value("kubelet_max_pods"); ok {
		embed(&s.Kubelet.Config, "maxPods", n)
	}
	v.mirrors()
	v.endpoint()
	v.expect("kube_network_plugin", "flannel", "Keelway's pod network is flannel, so far the only one")
	v.expect("container_manager", "containerd", "Keelway's runtime is containerd")
	v.expect("dns_mode", "coredns", "the cluster's DNS is CoreDNS")
	v.expect("kube_apiserver_port", "6443", "the API server's port is 6443")
}

// endpoint carries the load balancer over. Its domain is in /etc/hosts of
// Kubespray's nodes, where nobody else looks: the address is the endpoint then.
func (v variables) endpoint() {
	s := &v.m.Cluster.Spec
	domain := v.text("apiserver_loadbalancer_domain_name")
	balancer := v.dict("loadbalancer_apiserver")
	local := v.yes("loadbalancer_apiserver_localhost")
	port := v.text("loadbalancer_apiserver_port")
	switch {
	case balancer["address"] != nil:
		if balancer["port"] != nil {
			port = word(balancer["port"])
		} else if port == "" {
			port = "6443"
		}
		s.Endpoint = net.JoinHostPort(word(balancer["address"]), port)
		if domain != "" {
			s.Certificates.ExtraSANs = append(s.Certificates.ExtraSANs, domain)
		}
	case local:
		s.LoadBalancing.Kind = file.NodeLocal
	}
}

func (v variables) mirrors() {
	value, _ := v.value("containerd_registries_mirrors")
	list, _ := value.([]any)
	for _, item := range list {
		entry, _ := item.(map[string]any)
		mirror := file.Mirror{Registry: word(entry["prefix"])}
		hosts, _ := entry["mirrors"].([]any)
		for _, h := range hosts {
			if one, ok := h.(map[string]any); ok {
				mirror.Endpoints = append(mirror.Endpoints, word(one["host"]))
				if one["skip_verify"] == true {
					v.m.leave("group_vars", "containerd_registries_mirrors: skip_verify of "+word(one["host"]), "Keelway checks every certificate")
				}
			}
		}
		v.m.Cluster.Spec.Mirrors = append(v.m.Cluster.Spec.Mirrors, mirror)
	}
}

// rest notes every variable that was not carried over and asks for something.
func (v variables) rest() {
	for _, name := range slices.Sorted(maps.Keys(v.vars)) {
		value := v.vars[name]
		switch {
		case empty(value.Value) || idle(name, value.Value):
		case template(value.Value):
			v.m.leave(value.File, name, "only Ansible can fill in this template")
		default:
			v.m.leave(value.File, name, "there is no field for it in a cluster file")
		}
	}
}

// idle tells the variables that are about Kubespray itself, or say its default.
func idle(name string, value any) bool {
	for _, prefix := range []string{"ansible_", "nodelocaldns_", "local_release", "no_proxy_exclude", "auto_renew", "kube_cert_", "rh_subscription_", "download_", "loadbalancer_apiserver_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	own := []string{
		"bin_dir", "kube_config_dir", "kube_script_dir", "kube_manifest_dir", "kube_token_dir", "kube_owner", "kube_apiserver_ip",
		"credentials_dir", "artifacts_dir", "retry_stagger", "skydns_server", "skydns_server_secondary", "default_kubelet_config_dir",
		"kubeadm_certificate_key", "kubeconfig_localhost", "kubectl_localhost", "kube_proxy_nodeport_addresses", "etcd_deployment_type",
		// Only with dual stack, which has a variable of its own.
		"kube_service_addresses_ipv6", "kube_pods_subnet_ipv6", "kube_network_node_prefix_ipv6", "coredns_k8s_external_zone",
		// The profile hardened does both.
		"kube_encrypt_secret_data", "kubernetes_audit",
	}
	standard := map[string]any{
		"kube_api_anonymous_auth": true, "kube_log_level": 2, "ndots": 2, "resolvconf_mode": "host_resolvconf",
		"k8s_image_pull_policy": "IfNotPresent", "unsafe_show_logs": false, "ntp_enabled": false, "dns_domain": "{{ cluster_name }}",
	}
	usual, known := standard[name]
	if off, ok := value.(map[string]any); ok && off["enabled"] == false {
		return true
	}
	return slices.Contains(own, name) || known && word(usual) == word(value)
}
