package observe

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
)

// probeLimit is how long one question may take.
const probeLimit = 2 * time.Second

// Probe asks one question, in at most two seconds.
func (o *Observer) Probe(ctx context.Context, w desired.Wait) observed.Answer {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	ok, detail := o.probe(ctx, w)
	return observed.Answer{OK: ok, Detail: detail}
}

func (o *Observer) probe(ctx context.Context, w desired.Wait) (bool, string) {
	switch w.Probe {
	case desired.ProbeSocket:
		return runtimeReady(ctx, o.Host)
	case desired.ProbeHealth:
		ok, words := kube.Healthz(ctx, o.Host, w.Target)
		return ok, failing(words)
	case desired.ProbeServing:
		ok, words := kube.Serves(ctx, o.Host, w.Target)
		return ok, words
	case desired.ProbeFile:
		if _, err := o.Host.Stat(ctx, w.Target); err != nil {
			return false, w.Target + " is not there yet"
		}
		return true, ""
	case desired.ProbeStaticPod:
		return staticPod(ctx, o.Host, w.Target)
	case desired.ProbeServingCert:
		return o.servingCert(ctx, w.Target)
	}
	if o.Cluster.Client == nil {
		return false, "no way to reach the API"
	}
	if w.Probe == desired.ProbeEtcd {
		return o.etcdHealthy(ctx, w.Target)
	}
	c, err := o.Cluster.Client(ctx)
	if err != nil {
		return false, err.Error()
	}
	namespace, name, _ := strings.Cut(w.Target, "/")
	switch w.Probe {
	case desired.ProbeBinding:
		_, err := c.Typed.RbacV1().ClusterRoleBindings().Get(ctx, w.Target, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return true, ""
	case desired.ProbeNode, desired.ProbeNodeReady:
		n, err := c.Typed.CoreV1().Nodes().Get(ctx, w.Target, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, observed.NotRegistered
		}
		if err != nil {
			return false, err.Error()
		}
		if w.Probe == desired.ProbeNode {
			return true, ""
		}
		return nodeReady(n)
	case desired.ProbeDaemonSet:
		d, err := c.Typed.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		s := d.Status
		ok := s.ObservedGeneration >= d.Generation && s.DesiredNumberScheduled > 0 && s.NumberAvailable >= s.DesiredNumberScheduled
		return ok, fmt.Sprintf("%d of %d pods available", s.NumberAvailable, s.DesiredNumberScheduled)
	case desired.ProbeDeployment:
		d, err := c.Typed.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		replicas := int32(1)
		if d.Spec.Replicas != nil {
			replicas = *d.Spec.Replicas
		}
		ok := d.Status.ObservedGeneration >= d.Generation && d.Status.AvailableReplicas >= replicas && d.Status.UpdatedReplicas >= replicas
		return ok, fmt.Sprintf("%d of %d replicas available", d.Status.AvailableReplicas, replicas)
	case desired.ProbeClusterInfo:
		cm, err := c.Typed.CoreV1().ConfigMaps("kube-public").Get(ctx, "cluster-info", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		if cm.Data["jws-kubeconfig-"+w.Target] == "" {
			return false, "the controller-manager has not signed cluster-info for token " + w.Target + " yet"
		}
		return true, ""
	}
	return false, fmt.Sprintf("unknown probe %q", w.Probe)
}

func nodeReady(n *corev1.Node) (bool, string) {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue, c.Reason + ": " + c.Message
		}
	}
	return false, "the kubelet has not reported the node's conditions yet"
}

// servingCert asks whether the kubelet serves a certificate at all: without
// one from the cluster's CA it refuses every handshake.
func (o *Observer) servingCert(ctx context.Context, address string) (bool, string) {
	conn, err := o.Host.Dial(ctx, "tcp", address)
	if err != nil {
		return false, err.Error()
	}
	defer conn.Close()
	// The chain is checked by the API server, which is the one that uses it.
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // see above
	if err := c.HandshakeContext(ctx); err != nil {
		return false, "the kubelet has no serving certificate yet: " + err.Error()
	}
	return true, ""
}

// failing keeps, of a health endpoint's verbose answer, the checks that fail.
func failing(words string) string {
	var lines []string
	for line := range strings.Lines(words) {
		if strings.HasPrefix(line, "[-]") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if lines == nil {
		return strings.TrimSpace(words)
	}
	return strings.Join(lines, ", ")
}
