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

	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/kube"
)

// witness writes to the cluster all the time, remembers what was acknowledged,
// and counts etcd's members with a vote.
type witness struct {
	fleet
	client *kube.Client
	etcd   *etcd.Client
	stop   context.CancelFunc
	done   sync.WaitGroup
	// powerless is while a machine was switched off on purpose.
	powerless atomic.Bool
	mu        sync.Mutex
	written   []string
	alone     []string
	quorate   bool // at the last look
}

// watch begins to write through cp1, which makes the cluster and stays in it; it
// returns nil while there is none.
func (f fleet) watch() *witness {
	f.t.Helper()
	const pki = "/etc/kubernetes/pki/etcd/"
	if _, err := f.try("cp1", "kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://127.0.0.1:6443 get --raw=/readyz && ls "+pki+"healthcheck-client.crt"); err != nil {
		return nil
	}
	address := strings.Fields(f.on("cp1", "hostname -I"))[0]
	client, err := kube.NewFor([]byte(f.on("cp1", "cat /etc/kubernetes/admin.conf")), nil, "https://"+net.JoinHostPort(address, "6443"))
	if err != nil {
		f.t.Fatal(err)
	}
	here, err := local.New("here")
	if err != nil {
		f.t.Fatal(err)
	}
	var endpoints []string
	for _, host := range []string{"cp1", "cp2", "cp3"} {
		endpoints = append(endpoints, "https://"+net.JoinHostPort(strings.Fields(f.on(host, "hostname -I"))[0], "2379"))
	}
	members, err := etcd.Open(here, endpoints, etcd.TLS{
		CA:   []byte(f.on("cp1", "cat "+pki+"ca.crt")),
		Cert: []byte(f.on("cp1", "cat "+pki+"healthcheck-client.crt")), Key: []byte(f.on("cp1", "cat "+pki+"healthcheck-client.key")),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f.t.Cleanup(stop)
	w := &witness{fleet: f, client: client, etcd: members, stop: stop, quorate: true}
	w.done.Go(func() { w.write(ctx) })
	w.done.Go(func() { w.count(ctx) })
	return w
}

func (w *witness) write(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("acknowledged-%d", n)
		_, err := w.client.Typed.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err == nil {
			w.mu.Lock()
			w.written = append(w.written, name)
			w.mu.Unlock()
		}
		pause(ctx, 400*time.Millisecond)
	}
}

// count asks whether a majority of the members with a vote is at work: it is where
// the list of members is answered, which takes one, or most of them answer alone.
// A new member has its vote a few seconds before it takes questions. Where twice in
// a row there is none, and no power was cut, it was keelway that stopped one.
func (w *witness) count(ctx context.Context) {
	var voters []etcd.Member
	before := true
	for ctx.Err() == nil {
		// Without a majority nobody lists the members: then those of before count.
		all, err := w.etcd.Members(ctx)
		if err == nil {
			voters = voters[:0]
			for _, m := range all {
				if !m.Learner && len(m.ClientURLs) > 0 {
					voters = append(voters, m)
				}
			}
		}
		var silent []string
		for _, m := range voters {
			asking, cancel := context.WithTimeout(ctx, 3*time.Second)
			if _, err := w.etcd.Status(asking, m.ClientURLs[0]); err != nil {
				silent = append(silent, m.Name)
			}
			cancel()
		}
		enough := err == nil || len(voters)-len(silent) >= len(voters)/2+1
		w.mu.Lock()
		w.quorate = enough
		if !enough && !before && !w.powerless.Load() && ctx.Err() == nil {
			w.alone = append(w.alone, fmt.Sprintf("%s: %v of %d do not answer", time.Now().Format(time.TimeOnly), silent, len(voters)))
		}
		w.mu.Unlock()
		before = enough || w.powerless.Load()
		pause(ctx, 400*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// powered waits until etcd has its majority again after a machine was switched
// on: from then on it has to have it.
func (w *witness) powered() {
	w.t.Helper()
	waitFor(w.t, 2*time.Minute, "etcd to have a majority", func() (bool, string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.quorate, ""
	})
	w.powerless.Store(false)
}

// check compares what was acknowledged with what is there.
func (w *witness) check() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var list *corev1.ConfigMapList
	waitFor(w.t, time.Minute, "the list of what is there", func() (bool, string) {
		var err error
		if list, err = w.client.Typed.CoreV1().ConfigMaps("default").List(w.t.Context(), metav1.ListOptions{}); err != nil {
			return false, err.Error()
		}
		return true, ""
	})
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
	w.t.Logf("%s %d writes were acknowledged, %d of them are lost", time.Now().Format(time.TimeOnly), len(w.written), lost)
	if lost > 0 {
		w.t.Errorf("%d of %d acknowledged writes are lost", lost, len(w.written))
	}
	if len(w.alone) > 0 {
		w.t.Errorf("fewer members than a majority answered: %v", w.alone)
		w.alone = nil
	}
}

// end is the last check.
func (w *witness) end() {
	w.t.Helper()
	w.stop()
	w.done.Wait()
	w.check()
	if len(w.written) < 200 {
		w.t.Errorf("%d writes were acknowledged only: what would be lost is not seen", len(w.written))
	}
	_ = w.etcd.Close()
}
