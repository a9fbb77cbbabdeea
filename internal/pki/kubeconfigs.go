package pki

import (
	"net"
	"path"
	"strconv"
)

// Kubeconfigs returns kubeadm's five kubeconfig files in kubeadm's order. Only
// the first control plane of a cluster gets super-admin.conf; a joined one's
// kubelet asks the cluster for its own certificate. The input must be valid.
func Kubeconfigs(in Input) []Kubeconfig {
	in = in.defaulted()
	local := in.LocalURL()
	shared := in.EndpointURL()
	return []Kubeconfig{
		in.kubeconfig("admin.conf", "kubernetes-admin", "kubeadm:cluster-admins", shared, Kubeconfig{
			Readers: []string{"kubectl"},
			Note:    "the administrator; its rights come from the ClusterRoleBinding kubeadm:cluster-admins, so they can be taken away",
		}),
		in.kubeconfig("super-admin.conf", "kubernetes-super-admin", "system:masters", shared, Kubeconfig{
			Readers: []string{"kubectl"},
			Note:    "the emergency key: its group passes every check and cannot be revoked; keep it off the machine",
		}),
		in.kubeconfig("kubelet.conf", "system:node:"+in.NodeName, "system:nodes", local, Kubeconfig{
			Readers: []string{"kubelet"},
			Note:    "this Node's identity; the Node authorizer lets it see only what its own pods need",
		}),
		in.kubeconfig("controller-manager.conf", "system:kube-controller-manager", "", local, Kubeconfig{
			Readers: []string{"kube-controller-manager"},
			Note:    "the controller manager's identity, to the API server on the same machine",
		}),
		in.kubeconfig("scheduler.conf", "system:kube-scheduler", "", local, Kubeconfig{
			Readers: []string{"kube-scheduler"},
			Note:    "the scheduler's identity, to the API server on the same machine",
		}),
	}
}

// kubeconfig completes a file for a user and, unless it is "", the user's organization.
func (in Input) kubeconfig(name, user, organization, server string, k Kubeconfig) Kubeconfig {
	k.Path = path.Join(in.ConfDir, name)
	k.CADir = in.Dir
	k.Server, k.Cluster, k.User = server, in.ClusterName, user
	k.Client = in.leaf(Spec{
		Name: name, CommonName: user, Parent: "ca", Client: true,
		Readers: k.Readers, Note: k.Note,
	})
	if organization != "" {
		k.Client.Organizations = []string{organization}
	}
	return k
}

// LocalURL returns the URL of this control plane's own API server.
func (in Input) LocalURL() string {
	in = in.defaulted()
	var n names
	n.add(in.AdvertiseAddress)
	host := in.AdvertiseAddress
	if len(n.ips) == 1 {
		host = n.ips[0].String()
	}
	return "https://" + net.JoinHostPort(host, strconv.Itoa(int(in.BindPort)))
}

// EndpointURL returns the URL that all control planes share: the endpoint with
// the bind port unless it names a port; the local one without an endpoint.
func (in Input) EndpointURL() string {
	in = in.defaulted()
	if in.ControlPlaneEndpoint == "" {
		return in.LocalURL()
	}
	host, port, err := splitEndpoint(in.ControlPlaneEndpoint)
	if err != nil {
		host = in.ControlPlaneEndpoint
	}
	if port == "" {
		port = strconv.Itoa(int(in.BindPort))
	}
	return "https://" + net.JoinHostPort(host, port)
}
