package desired

import (
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/desired/hardening"
)

const apiserverName = "kube-apiserver"

func (s *story) hardening() {
	s.add(Resource{
		ID: "hardening/folders", Component: apiserverName, After: []string{"certs/folders"},
		What: "make the folders of the security settings",
		Why:  "The API server mounts each of them; what is secret is readable by root only.",
		Files: []File{
			dir(cluster.EncryptionDir, 0o700, false, "the key that seals Secrets", apiserverName),
			dir(cluster.AuditDir, 0o755, false, "what to record", apiserverName),
			dir(cluster.AuthenticationDir, 0o755, false, "who may come without credentials", apiserverName),
			dir(cluster.AdmissionDir, 0o755, false, "the defaults of pod security", apiserverName),
			dir("/var/log/kubernetes", 0o755, true, "logs of the control plane"),
			dir(cluster.AuditLogDir, 0o700, false, "the audit log", apiserverName),
		},
	})
	after := []string{"hardening/folders"}
	s.add(Resource{
		ID: "hardening/encryption", Component: apiserverName, After: after,
		What: "make the key that encrypts Secrets at rest",
		Why:  "Without it, whoever gets hold of etcd's disk or a snapshot reads every password in the cluster. Without this file, nobody reads a backup: keep a copy of it apart from the snapshots.",
		Key: &RandomKey{
			Path: cluster.EncryptionFile, Mode: 0o600, Bytes: 32,
			Template: hardening.Encryption(), Placeholder: hardening.KeyPlaceholder,
			Readers: []string{apiserverName},
			Note:    "Secrets are sealed with secretbox before they reach etcd; older, plain ones stay readable",
		},
	})
	s.add(Resource{
		ID: "hardening/audit", Component: apiserverName, After: after,
		What:  "write the audit policy",
		Why:   "The audit log says who did what and when. It never holds the content of an object, so no secret leaks into it; it is kept for 30 days, in at most ten files of 100 MB.",
		Files: []File{text(cluster.AuditPolicyFile, hardening.AuditPolicy(), "which requests to record, at which level", apiserverName)},
	})
	s.add(Resource{
		ID: "hardening/authentication", Component: apiserverName, After: after,
		What:  "close the API to requests without credentials",
		Why:   "Only the health paths, which probes ask, and cluster-info, which a joining machine reads first, answer without credentials.",
		Files: []File{text(cluster.AuthenticationFile, hardening.Authentication(), "the paths that anybody may ask", apiserverName)},
	})
	s.add(Resource{
		ID: "hardening/admission", Component: apiserverName, After: after,
		What:  "set the defaults of pod security",
		Why:   "Pods that ask for more than the baseline, such as the host's network, are warned about and audited in every namespace without a label of its own. None is refused.",
		Files: []File{text(cluster.AdmissionFile, hardening.Admission(), "enforce privileged, warn and audit baseline", apiserverName)},
	})
}

func (s *story) approver() {
	const name, component = "keelway-approver", "keelway-approver"
	s.add(Resource{
		ID: "approver/rbac", Component: component, After: []string{adminID},
		What: "allow the approver to approve serving certificates",
		Why:  "It may approve for the one signer of kubelet serving certificates; any other would let it make itself an administrator.",
		Objects: []Object{
			{Object: access.ApproverRole(), Why: "read requests and nodes, approve one kind of request"},
			{Object: access.ApproverBinding(hardening.ApproverUser), Why: "give that role to the approver's certificate"},
		},
	})
	s.add(Resource{
		ID: "approver/unit", Component: component, After: []string{"runtime/keelway", "kubeconfig/keelway-approver"},
		What: "install the approver",
		Why:  "Kubernetes itself never approves a kubelet's serving certificate, because it cannot know which addresses are the node's. The approver compares each request with the Node.",
		Files: []File{
			text(hardening.ApproverUnitFile, hardening.ApproverUnit(s.model), "how to keep the approver running", "systemd"),
		},
	})
	s.add(Resource{
		ID: "approver/service", Component: component, After: []string{"approver/rbac", "approver/unit"},
		What:    "start the approver",
		Why:     "Until a kubelet's serving certificate is approved, logs, exec and port-forward on its node fail.",
		Service: &Service{Name: name, Reads: []string{hardening.ApproverUnitFile, hardening.ApproverKubeconfig, SelfPath}},
	})
}
