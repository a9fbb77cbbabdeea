// Package example writes a cluster file to begin with, which explains itself.
package example

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/cluster/file"
)

// Options say which hosts the example has.
type Options struct {
	Name, KubernetesVersion string
	// ControlPlanes, Workers, LoadBalancers and EtcdMembers are how many hosts
	// there are, named cp1, w1, lb1 and etcd1 onwards. Without hosts of its own,
	// etcd is on the control planes.
	ControlPlanes, Workers, LoadBalancers, EtcdMembers int
	// Addresses are the hosts', in that order.
	// With none they are from 192.0.2.0/24, which is set apart for documents.
	Addresses []string
}

// Text is the cluster file. The error says what no cluster could have.
func Text(o Options) ([]byte, error) {
	count := o.ControlPlanes + o.Workers + o.LoadBalancers + o.EtcdMembers
	switch {
	case o.ControlPlanes < 1 || o.Workers < 0 || o.LoadBalancers < 0 || o.EtcdMembers < 0:
		return nil, fmt.Errorf("a cluster has one control plane or more: %d control planes, %d workers, %d etcd members and %d load balancers were asked for", o.ControlPlanes, o.Workers, o.EtcdMembers, o.LoadBalancers)
	case o.Addresses != nil && len(o.Addresses) != count:
		return nil, fmt.Errorf("%d addresses for %d hosts: give one for each, control planes first, then workers, load balancers, etcd members", len(o.Addresses), count)
	case o.Addresses == nil && count > 200:
		return nil, fmt.Errorf("there are not %d addresses for examples: give yours", count)
	}
	var b strings.Builder
	fmt.Fprintf(&b, head, file.APIVersion, file.Kind, o.Name, o.KubernetesVersion)
	at := 0
	host := func(name string, n int, roles string) {
		address := fmt.Sprintf("192.0.2.%d", at+11)
		if o.Addresses != nil {
			address = o.Addresses[at]
		}
		at++
		fmt.Fprintf(&b, "  - name: %s%d\n    address: %s\n    roles: [%s]\n", name, n, address, roles)
		if at == 1 {
			b.WriteString(firstHost)
		}
	}
	for n := range o.ControlPlanes {
		roles := string(file.ControlPlane)
		if o.Workers == 0 {
			roles += ", " + string(file.Worker)
		}
		host("cp", n+1, roles)
	}
	for n := range o.Workers {
		host("w", n+1, string(file.Worker))
	}
	for n := range o.LoadBalancers {
		host("lb", n+1, string(file.LoadBalancer))
	}
	for n := range o.EtcdMembers {
		host("etcd", n+1, string(file.EtcdMember))
	}
	b.WriteString("\n")
	if o.EtcdMembers > 0 {
		b.WriteString("  # etcd runs on the hosts with that role, and not on the control planes.\n  etcd:\n    topology: " + string(file.External) + "\n\n")
	}
	switch {
	case o.LoadBalancers > 1:
		b.WriteString("  # A name or virtual address that leads to the load balancers: clients know one.\n  endpoint: " + o.Name + ".example.com:6443\n")
	case o.LoadBalancers == 1:
		b.WriteString("  # Clients reach the API at the load balancer's address, port 6443.\n  # endpoint: " + o.Name + ".example.com:6443\n")
	case o.ControlPlanes > 1:
		b.WriteString("  # Every host has a load balancer of its own. If you have one, name it here.\n  # endpoint: " + o.Name + ".example.com:6443\n")
	default:
		b.WriteString("  # A name that can lead to a load balancer later, when there are more control planes.\n  # endpoint: " + o.Name + ".example.com:6443\n")
	}
	b.WriteString(tail)
	return []byte(b.String()), nil
}

const head = `# A cluster, as Keelway should make and keep it. What is commented out shows a
# default, or what could be said. Every field: docs/reference/cluster-file.md
#   keelway cluster validate -f FILE    says everything that is wrong
#   keelway cluster show -f FILE        prints it with all defaults
apiVersion: %s
kind: %s
metadata:
  name: %s
spec:
  # The version has no default: with one, a newer keelway would upgrade the cluster.
  kubernetesVersion: %s

  # What hosts have in common for SSH; ~/.ssh/config and the agent count as well.
  # ssh:
  #   user: root
  #   keyFile: ~/.ssh/id_ed25519
  #   jump: admin@gate.example.com

  # Roles: controlplane, worker, etcd, loadbalancer; a control plane that is also
  # a worker runs ordinary pods.
  hosts:
`

const firstHost = `    # nodeAddress: 10.0.0.11      # where other hosts reach it, if elsewhere
    # zone: rack-1                # what can fail together
    # labels: {disk: ssd}
    # taints: [{key: dedicated, value: db, effect: NoSchedule}]
    # ssh:
    #   hostKey: ssh-ed25519 AAAA...   # or known_hosts has it
`

const tail = `
  # hardened, or kubeadm for exactly kubeadm's defaults
  # profile: hardened

  # network:
  #   pods: 10.244.0.0/16
  #   services: 10.96.0.0/12
  #   dnsDomain: cluster.local

  # certificates:
  #   algorithm: ECDSA-P256
  #   validity: 8760h
  #   extraSANs: [k8s.example.com]

  # Flags, as in kubeadm's ClusterConfiguration
  # apiServer:
  #   extraArgs:
  #   - {name: event-ttl, value: 2h}

  # kubeadm's own kinds, here or in a file (configFile)
  # kubelet:
  #   config: {maxPods: 200}
  # kubeProxy:
  #   config: {mode: nftables}

  # Patches in kubeadm's form
  # patches: {directory: patches}

  # What you add: files and folders of manifests, and Helm charts (helm)
  # addons:
  #   manifests: [addons]

  # Your own programs around changes; beforeApply, beforeHost, afterHost, afterApply
  # hooks:
  #   afterHost: [{name: tell, roles: [worker], script: logger changed}]

  # How your own images are reached
  # proxies: {https: "http://proxy.example.com:3128"}
  # mirrors: [{registry: docker.io, endpoints: ["https://mirror.example.com"]}]
`
