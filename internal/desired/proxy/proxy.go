// Package proxy builds the API objects of kube-proxy as kubeadm does.
package proxy

import (
	"strings"

	apps "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/desired/staticpod"
)

const namespace, name = "kube-system", "kube-proxy"

// Config is the ConfigMap with kube-proxy's configuration and kubeconfig. The
// kubeconfig names the API by its own address, because it is kube-proxy that
// makes the Service's address work.
func Config(m *cluster.Model, h cluster.Host) *corev1.ConfigMap {
	data := config.Marshal(m.Proxy)
	// kubeadm's template leaves the last newline off both.
	settings := strings.TrimSuffix(string(data), "\n")
	kubeconfig := `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: ` + m.Cluster.ControlPlaneURL(h.Init.LocalAPIEndpoint) + `
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token`
	cm := access.ConfigMap(namespace, name, "config.conf", settings)
	cm.Labels = map[string]string{"app": name}
	cm.Data["kubeconfig.conf"] = kubeconfig
	if !m.ProxySupplied {
		access.Sign(cm, settings, kubeconfig)
	}
	return cm
}

// Account is kube-proxy's identity.
func Account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
	}
}

// Binding lets kube-proxy watch Services and their endpoints.
func Binding() *rbac.ClusterRoleBinding {
	return access.ClusterBinding("kubeadm:node-proxier", "system:node-proxier", access.Account(namespace, name))
}

// ConfigReaders let joining machines read the ConfigMap.
func ConfigReaders() (*rbac.Role, *rbac.RoleBinding) {
	return access.ReadConfigMap(namespace, name, name),
		access.Binding(namespace, name, access.Group(config.DefaultTokenGroup))
}

// DaemonSet runs kube-proxy on every node.
func DaemonSet(m *cluster.Model, h cluster.Host) *apps.DaemonSet {
	labels := map[string]string{"k8s-app": name}
	create := corev1.HostPathFileOrCreate
	yes := true
	env := []corev1.EnvVar{{Name: "NODE_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}}}
	return &apps.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: apps.SchemeGroupVersion.String(), Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels},
		Spec: apps.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: labels},
			UpdateStrategy: apps.DaemonSetUpdateStrategy{Type: apps.RollingUpdateDaemonSetStrategyType},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					PriorityClassName: "system-node-critical",
					Containers: []corev1.Container{{
						Name:            name,
						Image:           m.Image("kube-proxy"),
						ImagePullPolicy: corev1.PullIfNotPresent,
						Command: []string{
							"/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)",
						},
						SecurityContext: &corev1.SecurityContext{Privileged: &yes},
						VolumeMounts: []corev1.VolumeMount{
							{Name: name, MountPath: "/var/lib/kube-proxy"},
							{Name: "xtables-lock", MountPath: "/run/xtables.lock"},
							{Name: "lib-modules", MountPath: "/lib/modules", ReadOnly: true},
						},
						Env: append(env, staticpod.Env(h.Facts.ProxyEnvironment, m.Tuning.Environment())...),
					}},
					HostNetwork:        true,
					ServiceAccountName: name,
					Volumes: []corev1.Volume{
						{Name: name, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
							LocalObjectReference: corev1.LocalObjectReference{Name: name},
						}}},
						{Name: "xtables-lock", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/run/xtables.lock", Type: &create}}},
						{Name: "lib-modules", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/lib/modules"}}},
					},
					Tolerations:  []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					NodeSelector: map[string]string{"kubernetes.io/os": "linux"},
				},
			},
		},
	}
}
