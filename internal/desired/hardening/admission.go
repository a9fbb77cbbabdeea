package hardening

// Admission sets the Pod Security defaults of every namespace without labels
// of its own: nothing is refused, and what breaks the baseline is warned about
// and audited. The cluster's own namespaces need host access and are left out.
func Admission() []byte {
	return []byte(`apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults:
      enforce: privileged
      enforce-version: latest
      audit: baseline
      audit-version: latest
      warn: baseline
      warn-version: latest
    exemptions:
      namespaces:
      - kube-flannel
      - kube-system
      runtimeClasses: []
      usernames: []
`)
}

// Authentication lets requests without credentials reach the health paths,
// which the kubelet's probes and load balancers ask, and cluster-info, which a
// joining machine reads before it has any.
func Authentication() []byte {
	return []byte(`apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt: []
anonymous:
  enabled: true
  conditions:
  - path: /healthz
  - path: /livez
  - path: /readyz
  - path: /api/v1/namespaces/kube-public/configmaps/cluster-info
`)
}
