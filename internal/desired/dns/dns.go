// Package dns builds the API objects of CoreDNS as kubeadm does.
package dns

import (
	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/access"
)

const namespace = "kube-system"

// Corefile is CoreDNS's configuration. Without forward it answers for the
// cluster's names only.
func Corefile(domain string, forward bool) string {
	upstream := ""
	if forward {
		upstream = "    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n"
	}
	return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ` + domain + ` in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
` + upstream + `    cache 30 {
       disable success ` + domain + `
       disable denial ` + domain + `
    }
    loop
    reload
    loadbalance
}
`
}

// Config is the ConfigMap with the Corefile. In the hardened profile a machine
// without a name server, such as an offline one, gets no forward: CoreDNS
// would not start with it.
func Config(m *cluster.Model) *corev1.ConfigMap {
	forward := m.Profile == cluster.Kubeadm || !m.Hosts[0].Facts.NoNameservers
	return access.ConfigMap(namespace, "coredns", "Corefile", Corefile(m.Cluster.Networking.DNSDomain, forward))
}

// Role lets CoreDNS watch what it has names for.
func Role() *rbac.ClusterRole {
	return access.ClusterRole("system:coredns",
		rbac.PolicyRule{
			Verbs: []string{"list", "watch"}, APIGroups: []string{""},
			Resources: []string{"endpoints", "services", "pods", "namespaces"},
		},
		rbac.PolicyRule{
			Verbs: []string{"list", "watch"}, APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"},
		},
	)
}

// Binding gives Role to CoreDNS's service account.
func Binding() *rbac.ClusterRoleBinding {
	return access.ClusterBinding("system:coredns", "system:coredns", access.Account(namespace, "coredns"))
}

// Account is CoreDNS's identity.
func Account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: namespace},
	}
}

// Service is the address that every pod's resolv.conf names: the tenth of the
// service range, which a valid model has.
func Service(m *cluster.Model) *corev1.Service {
	address, _ := m.Cluster.Networking.ServiceAddress(10)
	port := func(name string, number int32, protocol corev1.Protocol) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Port: number, Protocol: protocol, TargetPort: intstr.FromInt32(number)}
	}
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "kube-dns", Namespace: namespace,
			Labels: map[string]string{
				"k8s-app":                       "kube-dns",
				"kubernetes.io/cluster-service": "true",
				"kubernetes.io/name":            "CoreDNS",
			},
			Annotations: map[string]string{"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
		},
		Spec: corev1.ServiceSpec{
			ClusterIP: address.String(),
			Ports: []corev1.ServicePort{
				port("dns", 53, corev1.ProtocolUDP),
				port("dns-tcp", 53, corev1.ProtocolTCP),
				port("metrics", 9153, corev1.ProtocolTCP),
			},
			Selector: map[string]string{"k8s-app": "kube-dns"},
		},
	}
}
