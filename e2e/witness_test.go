package e2e

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/kube"
)

// witness writes to the cluster all the time, remembers what was acknowledged,
// and counts etcd's members.
type witness struct {
	fleet
	client  *kube.Client
	stop    context.CancelFunc
	done    sync.WaitGroup
	written []string
	// powerless is while a machine was switched off on purpose.
	powerless atomic.Bool
	alone     []string
}

// watch begins to write through cp1, which no injection takes out of the cluster.
func (f fleet) watch() *witness {
	f.t.Helper()
	address := strings.Fields(f.on("cp1", "hostname -I"))[0]
	conf := []byte(f.on("cp1", "cat /etc/kubernetes/admin.conf"))
	client, err := kube.NewFor(conf, nil, "https://"+net.JoinHostPort(address, "6443"))
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f.t.Cleanup(stop)
	w := &witness{fleet: f, client: client, stop: stop}
	w.done.Go(func() { w.write(ctx) })
	members := map[string]string{}
	for _, host := range []string{"cp1", "cp2", "cp3"} {
		members[host] = net.JoinHostPort(strings.Fields(f.on(host, "hostname -I"))[0], "2379")
	}
	w.done.Go(func() { w.count(ctx, members) })
	return w
}

func (w *witness) write(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("acknowledged-%d", n)
		_, err := w.client.Typed.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err == nil {
			w.written = append(w.written, name)
		}
		select {
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// count asks which members listen. Two are in the cluster all the time, so
// where there are fewer, and no power was cut, it was keelway that stopped one.
func (w *witness) count(ctx context.Context, members map[string]string) {
	for ctx.Err() == nil {
		var up []string
		for host, address := range members {
			if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
				_ = c.Close()
				up = append(up, host)
			}
		}
		if len(up) < 2 && !w.powerless.Load() {
			w.alone = append(w.alone, fmt.Sprintf("%s: %v", time.Now().Format(time.TimeOnly), up))
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// end compares what was acknowledged with what is there.
func (w *witness) end() {
	w.t.Helper()
	w.stop()
	w.done.Wait()
	list, err := w.client.Typed.CoreV1().ConfigMaps("default").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	there := map[string]bool{}
	for _, c := range list.Items {
		there[c.Name] = true
	}
	lost := 0
	for _, name := range w.written {
		if !there[name] {
			lost++
		}
	}
	w.t.Logf("%d writes were acknowledged", len(w.written))
	if lost > 0 || len(w.written) < 50 {
		w.t.Errorf("%d of %d acknowledged writes are lost", lost, len(w.written))
	}
	if len(w.alone) > 0 {
		w.t.Errorf("fewer than two members listened: %v", w.alone)
	}
	for _, c := range list.Items {
		if strings.HasPrefix(c.Name, "acknowledged-") {
			_ = w.client.Typed.CoreV1().ConfigMaps("default").Delete(w.t.Context(), c.Name, metav1.DeleteOptions{})
		}
	}
}
