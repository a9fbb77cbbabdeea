package operation

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
)

// The proof's objects have names of their own in the default namespace: a
// namespace of their own would take seconds more to remove.
const proofNamespace = "default"

// proofObjects are what the proof makes. Its pods run from images that the
// cluster has anyway: CoreDNS's health plugin is the server, kubectl the client.
type proofObjects struct {
	config         corev1.ConfigMap
	service        corev1.Service
	server, client corev1.Pod
	// name is the Service's full DNS name.
	name string
}

func desiredProof(model *cluster.Model) proofObjects {
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: "keelway-proof-" + name, Namespace: proofNamespace, Labels: map[string]string{"keelway.dev/proof": name}}
	}
	no, grace := false, int64(0)
	images := desired.ProofImages(model)
	everywhere := []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	name := "keelway-proof-web." + proofNamespace + ".svc." + model.Cluster.Networking.DNSDomain
	return proofObjects{
		name:   name,
		config: corev1.ConfigMap{ObjectMeta: meta("web"), Data: map[string]string{"Corefile": ".:5353 {\n    health :8080\n}\n"}},
		service: corev1.Service{ObjectMeta: meta("web"), Spec: corev1.ServiceSpec{
			Selector: map[string]string{"keelway.dev/proof": "web"},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		}},
		server: corev1.Pod{ObjectMeta: meta("web"), Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &grace, Tolerations: everywhere,
			Containers: []corev1.Container{{
				Name: "web", Image: images.Server, ImagePullPolicy: corev1.PullNever,
				Args:         []string{"-conf", "/etc/coredns/Corefile"},
				VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns"}},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
					HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromInt32(8080)}}},
			}},
			Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "keelway-proof-web"}}}}},
		}},
		client: corev1.Pod{ObjectMeta: meta("ask"), Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &grace, Tolerations: everywhere,
			RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{
				Name: "ask", Image: images.Client, ImagePullPolicy: corev1.PullNever,
				Command: []string{"kubectl", "--server=http://" + name, "--request-timeout=5s", "get", "--raw", "/health"},
			}},
		}},
	}
}
