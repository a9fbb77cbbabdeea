package staticpod

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
)

// criticalPriority is the value of the class system-node-critical. It is
// written out because the kubelet reads manifests before there is an API that
// could look it up.
const criticalPriority = int32(2000001000)

// Pod is a control plane component as a static pod.
func Pod(c corev1.Container, volumes []corev1.Volume, annotations map[string]string) corev1.Pod {
	priority := criticalPriority
	return corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        c.Name,
			Namespace:   metav1.NamespaceSystem,
			Labels:      map[string]string{"component": c.Name, "tier": "control-plane"},
			Annotations: annotations,
		},
		Spec: corev1.PodSpec{
			Containers:        []corev1.Container{c},
			Priority:          &priority,
			PriorityClassName: "system-node-critical",
			HostNetwork:       true,
			Volumes:           volumes,
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
}

// Requests are a container's resource requests; memory may be "".
func Requests(cpu, memory string) corev1.ResourceRequirements {
	list := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	if memory != "" {
		list[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	return corev1.ResourceRequirements{Requests: list}
}

// Env merges lists of variables by name, the later ones winning, and sorts them.
func Env(lists ...[]config.EnvVar) []corev1.EnvVar {
	byName := map[string]corev1.EnvVar{}
	for _, list := range lists {
		for _, e := range list {
			byName[e.Name] = e.EnvVar
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b corev1.EnvVar) int { return cmp.Compare(a.Name, b.Name) })
}

// Mount is a host's file or folder and where a container sees it.
type Mount struct {
	Name, Path string
	// In is the path in the container; "" means Path.
	In       string
	ReadOnly bool
	Type     corev1.HostPathType
}

// Mounts turns them into volumes and mounts, both sorted by name. A later one
// replaces an earlier one of the same name.
func Mounts(mounts []Mount) ([]corev1.Volume, []corev1.VolumeMount) {
	byName := map[string]Mount{}
	for _, m := range mounts {
		byName[m.Name] = m
	}
	var volumes []corev1.Volume
	var in []corev1.VolumeMount
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		m := byName[name]
		kind := m.Type
		volumes = append(volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: m.Path, Type: &kind},
		}})
		in = append(in, corev1.VolumeMount{Name: name, MountPath: cmp.Or(m.In, m.Path), ReadOnly: m.ReadOnly})
	}
	return volumes, in
}

// Extra are a user's additional mounts.
func Extra(mounts []config.HostPathMount) []Mount {
	var list []Mount
	for _, m := range mounts {
		list = append(list, Mount{Name: m.Name, Path: m.HostPath, In: m.MountPath, ReadOnly: m.ReadOnly, Type: m.PathType})
	}
	return list
}
