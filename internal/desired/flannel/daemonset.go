package flannel

import (
	"net/url"

	apps "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/desired/staticpod"
)

// DaemonSet runs flannel on every node. Before flanneld its container installs
// the CNI plugins and configuration, so that a machine that plain kubeadm joins
// has a pod network too; where they are there already it changes nothing.
// Upstream has two init containers for that, which cost seconds at each start.
func DaemonSet(m *cluster.Model) *apps.DaemonSet {
	selector := map[string]string{"app": "flannel"}
	return &apps.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: apps.SchemeGroupVersion.String(), Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: "kube-flannel-ds", Namespace: Namespace, Labels: appLabels()},
		Spec: apps.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"tier": "node", "app": "flannel"}},
				Spec: corev1.PodSpec{
					Affinity:           linux(),
					HostNetwork:        true,
					PriorityClassName:  "system-node-critical",
					Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
					ServiceAccountName: "flannel",
					Containers:         []corev1.Container{flanneld(m)},
					Volumes:            volumes(),
				},
			},
		},
	}
}

func linux() *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "kubernetes.io/os", Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}},
			}}},
		},
	}}
}

func flanneld(m *cluster.Model) corev1.Container {
	no := false
	host, port := endpoint(m)
	field := func(name, path string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
	}
	return corev1.Container{
		Name:            "kube-flannel",
		Image:           m.Image("flannel"),
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"/usr/local/bin/install-cni"},
		Args: []string{
			"--plugins=" + cni.BinDir, "--plugins-to=/host" + cni.BinDir,
			"--conf=/etc/kube-flannel/cni-conf.json", "--conf-to=/host" + cni.ConfFile,
			"--", "/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr",
		},
		Resources: staticpod.Requests("100m", "50Mi"),
		SecurityContext: &corev1.SecurityContext{
			Privileged:   &no,
			Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"NET_ADMIN", "NET_RAW"}},
		},
		Env: []corev1.EnvVar{
			field("POD_NAME", "metadata.name"),
			field("POD_NAMESPACE", "metadata.namespace"),
			{Name: "EVENT_QUEUE_DEPTH", Value: "5000"},
			// Straight to the API: by the Service's address it would have to wait
			// for kube-proxy, and fail if it came first.
			{Name: "KUBERNETES_SERVICE_HOST", Value: host},
			{Name: "KUBERNETES_SERVICE_PORT", Value: port},
		},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "run", MountPath: "/run/flannel"},
			{Name: "cni-plugin", MountPath: "/host" + cni.BinDir},
			{Name: "cni", MountPath: "/host" + cni.ConfDir},
			{Name: "flannel-cfg", MountPath: "/etc/kube-flannel/"},
			{Name: "xtables-lock", MountPath: "/run/xtables.lock"},
		},
	}
}

// endpoint is where every node reaches the API without the pod network.
func endpoint(m *cluster.Model) (host, port string) {
	u, err := url.Parse(m.Cluster.ControlPlaneURL(m.Hosts[0].Init.LocalAPIEndpoint))
	if err != nil {
		return "", "" // the model was checked: its endpoint is a host and a port
	}
	return u.Hostname(), u.Port()
}

func volumes() []corev1.Volume {
	create := corev1.HostPathFileOrCreate
	host := func(name, path string, kind *corev1.HostPathType) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: kind}}}
	}
	return []corev1.Volume{
		host("run", "/run/flannel", nil),
		host("cni-plugin", cni.BinDir, nil),
		host("cni", cni.ConfDir, nil),
		{Name: "flannel-cfg", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "kube-flannel-cfg"},
		}}},
		host("xtables-lock", "/run/xtables.lock", &create),
	}
}
