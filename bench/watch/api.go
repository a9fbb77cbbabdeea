package watch

import (
	"bytes"
	"context"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// replicas is how many CoreDNS pods there are to be.
const replicas = 2

// watchAPI asks the API as its administrator until CoreDNS is Ready.
func (w *Watcher) watchAPI(ctx context.Context) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var conf []byte
	var client kubernetes.Interface
	for !w.has(APILive, NodeReady, DNSReady) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := os.ReadFile(w.target.Kubeconfig)
		if err != nil {
			w.say(err)
			continue
		}
		if client == nil || !bytes.Equal(now, conf) {
			if client, err = connect(now); err != nil {
				w.say(err) // half written
				client = nil
				continue
			}
			conf = now
		}
		w.see(Written)
		if err := w.ask(ctx, client); err != nil {
			w.say(err)
		}
	}
}

func connect(kubeconfig []byte) (kubernetes.Interface, error) {
	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	cfg.QPS = -1 // a client that slows itself down would be what is measured
	cfg.Timeout = 2 * time.Second
	return kubernetes.NewForConfig(cfg)
}

// ask asks what was not seen yet, one after the other.
func (w *Watcher) ask(ctx context.Context, c kubernetes.Interface) error {
	if !w.has(APILive) {
		// Nodes can be ready before the API server calls itself ready.
		if _, err := c.CoreV1().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
			w.see(APILive)
		}
	}
	if !w.has(NodeReady) {
		if err := w.askNode(ctx, c); err != nil {
			return err
		}
	}
	return w.askDNS(ctx, c)
}

func (w *Watcher) askNode(ctx context.Context, c kubernetes.Interface) error {
	nodes, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ready := 0
	for _, n := range nodes.Items {
		for _, condition := range n.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	if len(nodes.Items) >= w.target.Nodes {
		w.see(NodeRegistered)
	}
	if ready >= w.target.Nodes {
		w.see(NodeReady)
	}
	return nil
}

func (w *Watcher) askDNS(ctx context.Context, c kubernetes.Interface) error {
	pods, err := c.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil {
		return err
	}
	running, ready := 0, 0
	for _, p := range pods.Items {
		if p.Status.Phase == corev1.PodRunning {
			running++
		}
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	for m, is := range map[Moment]bool{DNSCreated: len(pods.Items) >= replicas, DNSRunning: running >= replicas, DNSReady: ready >= replicas} {
		if is {
			w.see(m)
		}
	}
	return nil
}
