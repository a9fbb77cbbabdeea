package desired

import (
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
)

func (s *story) uploadConfig() {
	after := []string{adminID}
	role, binding := access.KubeadmConfigReaders()
	s.add(Resource{
		ID: "upload-config/kubeadm", Component: "kubeadm", After: after,
		What: "store the cluster's configuration in the cluster",
		Why:  "kubeadm and keelway read it back on join and upgrade, so nobody has to keep a file.",
		Objects: []Object{
			{Object: access.KubeadmConfig(s.model), Why: "kubeadm's ClusterConfiguration"},
			{Object: role, Why: "may read it"},
			{Object: binding, Why: "nodes and joining machines have that role"},
		},
	})
	role, binding = access.KubeletConfigReaders()
	s.add(Resource{
		ID: "upload-config/kubelet", Component: "kubelet", After: after,
		What: "store the kubelets' common configuration in the cluster",
		Why:  "A joining machine's kubelet is configured from it.",
		Objects: []Object{
			{Object: access.KubeletConfig(s.model), Why: "the KubeletConfiguration of every node"},
			{Object: role, Why: "may read it"},
			{Object: binding, Why: "nodes and joining machines have that role"},
		},
	})
}

func (s *story) markControlPlane() {
	name := s.host.Init.NodeRegistration.Name
	s.add(Resource{
		ID: "mark-control-plane/registered", Component: "kubelet", After: []string{apiID},
		What: "wait for the kubelet to register the node",
		Why:  "The kubelet makes its own Node object once the API answers.",
		Wait: &Wait{Probe: ProbeNode, Target: name, Seconds: 120},
	})
	r := Resource{
		ID: "mark-control-plane/node", Component: "kubelet",
		After: []string{"mark-control-plane/registered"},
		What:  "mark the node as a control plane",
		Why:   "The labels tell people and load balancers what the node is.",
	}
	why := "the labels of a control plane; no taint, so that ordinary pods run on this only machine"
	if len(s.host.Init.NodeRegistration.Taints) > 0 {
		why = "the labels of a control plane, and the taint that keeps ordinary pods off"
	} else {
		r.Why += " The taint that would keep ordinary pods off is left out, because there is no other machine to run them."
	}
	r.Objects = []Object{{Object: access.Node(s.host), Why: why}}
	s.add(r)
}

func (s *story) bootstrapToken() {
	after := []string{adminID}
	s.add(Resource{
		ID: "bootstrap-token/rbac", Component: "kube-apiserver", After: after,
		What: "let machines with a token join",
		Why:  "A joining machine has only a token. These rules let it ask for a node's certificate and see whether its name is taken; nothing more.",
		Objects: []Object{
			{Object: access.NodesRole(), Why: "may read a node"},
			{Object: access.NodesBinding(), Why: "joining machines have that role"},
			{Object: access.PostRequests(), Why: "joining machines may ask for a certificate"},
			{Object: access.ApproveFirst(), Why: "a joining machine's request is approved"},
			{Object: access.ApproveRenewal(), Why: "a node's request to renew its own certificate is approved"},
			{Object: access.KubeletClient(), Why: "the API server may read logs and run commands through the kubelets"},
		},
	})
	role, binding := access.ClusterInfoReaders()
	s.add(Resource{
		ID: "bootstrap-token/cluster-info", Component: "kube-apiserver", After: after,
		What: "publish cluster-info",
		Why:  "A joining machine reads it without credentials, checks its signature with the token and learns which certificate authority to trust.",
		Objects: []Object{
			{
				Object: access.ClusterInfo(s.model, s.host), Keep: true,
				Embed: &Embed{Placeholder: access.CAPlaceholder, Path: s.model.Cluster.CertificatesDir + "/ca.crt"},
				Why:   "the API's address and the cluster's certificate authority",
			},
			{Object: role, Why: "may read it"},
			{Object: binding, Why: "everybody has that role, even without credentials"},
		},
	})
	for _, t := range s.host.Init.BootstrapTokens {
		s.add(Resource{
			ID: "bootstrap-token/" + t.Token.ID, Component: "kube-apiserver", After: after,
			What: "create the bootstrap token " + t.Token.ID,
			Why:  "Machines that know the whole token may join until it expires.",
			Objects: []Object{
				{Object: config.TokenSecret(t, s.model.Now), Keep: true, Why: "the token, with its end"},
			},
		})
		s.add(Resource{
			ID: "bootstrap-token/" + t.Token.ID + "-signed", Component: "kube-controller-manager",
			After: []string{"bootstrap-token/" + t.Token.ID, "bootstrap-token/cluster-info", "control-plane/controller-manager"},
			What:  "wait for cluster-info to be signed with the token",
			Why:   "A joining machine believes cluster-info only when the signature fits its token.",
			Wait:  &Wait{Probe: ProbeClusterInfo, Target: t.Token.ID, Seconds: 60},
		})
	}
}
