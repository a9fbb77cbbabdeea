// Package probe runs a pod in each node's two networks, asks from there, and takes everything away again.
package probe

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	// Namespace needs no time to be made or removed.
	Namespace = "default"
	// Name is that of the DaemonSet and the Service.
	Name = "keelway-verify"
	// HostName is that of the DaemonSet in the nodes' own network.
	HostName = "keelway-verify-host"
	// Label marks everything that is made, and is how it is found again.
	Label = "keelway.dev/verify"

	port = 8080
	// path is what a probe answers with its own name.
	path = "/probe/name"
	// caFile is the cluster's CA in a probe of the host's network.
	caFile = "/ca/ca.crt"
)

func meta(name, part string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: map[string]string{Label: part}}
}

// service is reached by its addresses, one of each family that the cluster has,
// by its name, and by a port on every node.
func service() *corev1.Service {
	both := corev1.IPFamilyPolicyPreferDualStack
	return &corev1.Service{ObjectMeta: meta(Name, "pod"), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeNodePort, Selector: map[string]string{Label: "pod"}, IPFamilyPolicy: &both,
		Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(port)}},
	}}
}

// podNetwork answers, from kubectl's own file server, which pod it is.
// Nothing is asked of the API: its address leads nowhere.
func podNetwork(image string) *appsv1.DaemonSet {
	d := daemonSet(Name, "pod", image,
		"--address=", "--port=8080", "--accept-hosts=^.*$", "--api-prefix=/none/", "--www=/probe", "--www-prefix=/probe/")
	s := &d.Spec.Template.Spec
	s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "probe", MountPath: "/probe"}}
	s.Containers[0].ReadinessProbe = &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
		HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}}}
	s.Volumes = []corev1.Volume{{Name: "probe", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
		Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}}}}
	return d
}

// hostNetwork takes no port of the node: it listens on a socket of its own.
func hostNetwork(image string) *appsv1.DaemonSet {
	d := daemonSet(HostName, "host", image, "--unix-socket=/run/probe/socket")
	s := &d.Spec.Template.Spec
	s.HostNetwork, s.DNSPolicy = true, corev1.DNSDefault
	s.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "run", MountPath: "/run/probe"}, {Name: "ca", MountPath: "/ca", ReadOnly: true}}
	s.Volumes = []corev1.Volume{
		{Name: "run", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "ca", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}}}},
	}
	return d
}

func daemonSet(name, part, image string, args ...string) *appsv1.DaemonSet {
	no, zero := false, int64(0)
	labels := map[string]string{Label: part}
	all := intstr.FromString("100%")
	return &appsv1.DaemonSet{ObjectMeta: meta(name, part), Spec: appsv1.DaemonSetSpec{
		Selector:       &metav1.LabelSelector{MatchLabels: labels},
		UpdateStrategy: appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &all}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &zero,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{
				Name: "probe", Image: image, ImagePullPolicy: corev1.PullNever,
				Command: append([]string{"kubectl", "proxy", "--server=http://127.0.0.1:9"}, args...),
			}},
		}},
	}}
}
