package hardening

// AuditPolicy records who did what to which object, never the object itself,
// so that no secret, token or configuration ends up in the log. The control
// plane's own constant reading is left out: it is most of the traffic.
func AuditPolicy() []byte {
	return []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages:
- RequestReceived
rules:
# Health, version and metrics are asked every second.
- level: None
  nonResourceURLs:
  - /healthz*
  - /livez*
  - /readyz*
  - /version
  - /metrics
# Events are a log of their own.
- level: None
  resources:
  - group: ""
    resources: [events]
  - group: events.k8s.io
    resources: [events]
# Leases are the components' heartbeats.
- level: None
  userGroups: [system:nodes, system:authenticated]
  verbs: [get, update, patch]
  resources:
  - group: coordination.k8s.io
    resources: [leases]
# The control plane and the nodes read all day; reading Secrets, though, is told.
- level: Metadata
  resources:
  - group: ""
    resources: [secrets, serviceaccounts/token]
  - group: authentication.k8s.io
    resources: [tokenreviews]
- level: None
  users:
  - system:apiserver
  - system:kube-controller-manager
  - system:kube-scheduler
  - system:kube-proxy
  - system:serviceaccount:kube-flannel:flannel
  - system:serviceaccount:kube-system:coredns
  - system:serviceaccount:kube-system:kube-proxy
  verbs: [get, list, watch]
- level: None
  userGroups: [system:nodes]
  verbs: [get, list, watch]
- level: None
  users: [system:apiserver, system:kube-controller-manager, system:kube-scheduler]
  nonResourceURLs: ["*"]
# Everything else: who, when, what, from where, and the answer's code.
- level: Metadata
`)
}
