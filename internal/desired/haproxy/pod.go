package haproxy

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// HashAnnotation holds a hash of the configuration: with another one the
// kubelet starts the pod anew.
const HashAnnotation = "keelway.dev/haproxy-config"

// nonroot is the account of that name in the image.
const nonroot = int64(65532)

// Pod is a node's own load balancer. It is a static pod because the kubelet
// itself reaches the API by it.
func Pod(m *cluster.Model, caFile string) corev1.Pod {
	b := m.Balancer
	yes, no, user := true, false, nonroot
	alive := func(failures, period int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: b.Address, Port: intstr.FromString(staticpod.PortName)}},
			TimeoutSeconds:   5,
			PeriodSeconds:    period,
			FailureThreshold: failures,
		}
	}
	volumes, mounts := staticpod.Mounts([]staticpod.Mount{
		{Name: "config", Path: ConfigFile, ReadOnly: true, Type: corev1.HostPathFile},
		{Name: "ca", Path: caFile, ReadOnly: true, Type: corev1.HostPathFile},
	})
	pod := staticpod.Pod(corev1.Container{
		Name:            Name,
		Image:           m.Image("haproxy"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"haproxy", "-db", "-f", ConfigFile},
		VolumeMounts:    mounts,
		Resources:       staticpod.Requests("25m", "32Mi"),
		LivenessProbe:   alive(8, 10),
		ReadinessProbe:  alive(3, 2),
		Ports:           []corev1.ContainerPort{{Name: staticpod.PortName, ContainerPort: b.Port, Protocol: corev1.ProtocolTCP}},
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user,
			AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}, volumes, map[string]string{HashAnnotation: hash(Config(b, caFile))})
	pod.ObjectMeta = metav1.ObjectMeta{
		Name: Name, Namespace: metav1.NamespaceSystem, Annotations: pod.Annotations,
		Labels: map[string]string{"app.kubernetes.io/name": "haproxy", "app.kubernetes.io/managed-by": "keelway"},
	}
	return pod
}
