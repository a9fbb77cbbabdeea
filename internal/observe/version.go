package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/desired/access"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
)

// Versions reads what a cluster runs from its API.
func Versions(ctx context.Context, c *kube.Client) (observed.Versions, error) {
	var v observed.Versions
	nodes, err := c.Typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return v, fmt.Errorf("the nodes cannot be listed: %w", err)
	}
	for _, n := range nodes.Items {
		v.Kubelets = append(v.Kubelets, observed.Running{Component: "kubelet", Node: n.Name, Version: n.Status.NodeInfo.KubeletVersion})
		ready, _ := nodeReady(&n)
		if _, ok := n.Labels["node-role.kubernetes.io/control-plane"]; ok && !ready {
			v.NotReady = append(v.NotReady, n.Name)
		}
	}
	pods, err := c.Typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "tier=control-plane"})
	if err != nil {
		return v, fmt.Errorf("the pods of kube-system cannot be listed: %w", err)
	}
	for _, p := range pods.Items {
		if name := p.Labels["component"]; name != "" && len(p.Spec.Containers) > 0 {
			v.ControlPlane = append(v.ControlPlane, observed.Running{Component: name, Node: p.Spec.NodeName, Version: imageVersion(p.Spec.Containers[0].Image)})
		}
	}
	byNode := func(a, b observed.Running) int { return strings.Compare(a.Node, b.Node) }
	slices.SortStableFunc(v.ControlPlane, byNode)
	slices.SortStableFunc(v.Kubelets, byNode)
	if err := addonVersions(ctx, c, &v); err != nil {
		return v, err
	}
	if v.ProxyConfig, err = storedConfig(ctx, c, "kube-proxy", "config.conf"); err != nil {
		return v, err
	}
	v.KubeletConfig, err = storedConfig(ctx, c, "kubelet-config", "kubelet")
	return v, err
}

// imageVersion is the tag of an image as a version: a tag cannot hold a "+".
func imageVersion(image string) string {
	image, _, _ = strings.Cut(image, "@")
	tag := image[strings.LastIndex(image, "/")+1:]
	_, tag, _ = strings.Cut(tag, ":")
	return strings.ReplaceAll(tag, "_", "+")
}

func addonVersions(ctx context.Context, c *kube.Client, v *observed.Versions) error {
	apps := c.Typed.AppsV1()
	set, err := apps.DaemonSets(metav1.NamespaceSystem).Get(ctx, "kube-proxy", metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("the DaemonSet kube-proxy cannot be read: %w", err)
	case len(set.Spec.Template.Spec.Containers) > 0:
		v.Proxy = imageVersion(set.Spec.Template.Spec.Containers[0].Image)
	}
	// By label, as kubeadm finds it: who runs another DNS keeps its name.
	list, err := apps.Deployments(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil {
		return fmt.Errorf("the Deployment of CoreDNS cannot be read: %w", err)
	}
	if len(list.Items) > 0 && len(list.Items[0].Spec.Template.Spec.Containers) > 0 {
		v.DNS = imageVersion(list.Items[0].Spec.Template.Spec.Containers[0].Image)
	}
	return nil
}

// storedConfig reads a component's configuration, and whether it is still as
// it was generated.
func storedConfig(ctx context.Context, c *kube.Client, name, key string) (observed.StoredConfig, error) {
	cm, err := c.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return observed.StoredConfig{}, nil
	}
	if err != nil {
		return observed.StoredConfig{}, fmt.Errorf("the ConfigMap kube-system/%s cannot be read: %w", name, err)
	}
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(cm.Data[key]), &meta); err != nil {
		return observed.StoredConfig{}, fmt.Errorf("%s in the ConfigMap kube-system/%s is not YAML: %w", key, name, err)
	}
	var values []string
	for _, k := range slices.Sorted(maps.Keys(cm.Data)) {
		values = append(values, cm.Data[k])
	}
	var signed corev1.ConfigMap
	access.Sign(&signed, values...)
	generated := true
	for k, hash := range signed.Annotations {
		generated = generated && cm.Annotations[k] == hash
	}
	return observed.StoredConfig{APIVersion: meta.APIVersion, Generated: generated}, nil
}
