package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

func ids(p Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.ID())
	}
	return out
}

func TestAFreshHostNeedsEveryResourceOnceAndThenNothing(t *testing.T) {
	for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
		w := newWorld(t, profile)
		p := w.plan()
		if len(p.Refusals) > 0 {
			t.Fatalf("%s: refused on an empty host: %v", profile, p.Refusals)
		}
		if len(p.Steps) != len(w.want.Resources) {
			t.Errorf("%s: %d steps for %d resources", profile, len(p.Steps), len(w.want.Resources))
		}
		w.do(p)
		if again := w.plan(); !again.Empty() {
			t.Errorf("%s: after doing everything this is left: %v %v", profile, ids(again), again.Refusals)
		}
	}
}

// TestInterruptedAnywhere stops after every number of steps and goes on.
func TestInterruptedAnywhere(t *testing.T) {
	total := len(newWorld(t, cluster.Hardened).plan().Steps)
	for n := range total {
		w := newWorld(t, cluster.Hardened)
		p := w.plan()
		w.do(Plan{Steps: p.Steps[:n]})
		rest := w.plan()
		if len(rest.Refusals) > 0 {
			t.Fatalf("stopped after %s: refused: %v", p.Steps[max(0, n-1)].ID(), rest.Refusals)
		}
		w.do(rest)
		if again := w.plan(); !again.Empty() {
			t.Fatalf("stopped after %d steps: left %v", n, ids(again))
		}
	}
}

func TestOneDifferenceOneStep(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(w *world)
		want   []string
		reason string
	}{
		{"a manifest edited", func(w *world) {
			w.write("/etc/kubernetes/manifests/etcd.yaml", 0o600, []byte("x"), sum([]byte("x")))
		}, []string{"etcd/local"}, "another content"},
		{"a key readable by all", func(w *world) {
			f := w.seen.Files["/etc/kubernetes/manifests/kube-apiserver.yaml"]
			f.Mode = 0o644
			w.seen.Files["/etc/kubernetes/manifests/kube-apiserver.yaml"] = f
		}, []string{"control-plane/apiserver"}, "mode 0644, not 0600"},
		{"a leaf deleted", func(w *world) {
			delete(w.seen.Files, "/etc/kubernetes/pki/apiserver.crt")
			delete(w.seen.Files, "/etc/kubernetes/pki/apiserver.key")
		}, []string{"certs/apiserver"}, "is missing"},
		{"a leaf's certificate deleted", func(w *world) {
			delete(w.seen.Files, "/etc/kubernetes/pki/etcd/server.crt")
		}, []string{"certs/etcd-server"}, ""},
		{"a kubeconfig deleted", func(w *world) { delete(w.seen.Files, "/etc/kubernetes/scheduler.conf") },
			[]string{"kubeconfig/scheduler"}, "is missing"},
		{"sa.pub deleted", func(w *world) { delete(w.seen.Files, "/etc/kubernetes/pki/sa.pub") },
			[]string{"certs/sa"}, "public half"},
		{"the kubelet dead", func(w *world) { w.seen.Services["kubelet"] = observed.Service{} },
			[]string{"kubelet-start/kubelet"}, "not running"},
		{"the kubelet dead, and its network without a pod", func(w *world) {
			w.seen.Services["kubelet"], w.seen.Idle = observed.Service{}, []string{desired.PodBridge}
		}, []string{"kubelet-start/network", "kubelet-start/kubelet"}, "cni0 is there, and no pod runs"},
		{"the kubelet's config newer than its process", func(w *world) {
			f := w.seen.Files["/var/lib/kubelet/config.yaml"]
			w.clock = w.clock.Add(time.Hour)
			f.ModTime = w.clock
			w.seen.Files["/var/lib/kubelet/config.yaml"] = f
		}, []string{"kubelet-start/kubelet"}, "newer than the running process"},
		{"the kubelet's config edited", func(w *world) {
			w.write("/var/lib/kubelet/config.yaml", 0o644, []byte("x"), sum([]byte("x")))
		}, []string{"kubelet-start/config", "kubelet-start/kubelet"}, "another content"},
		{"an image gone", func(w *world) { delete(w.seen.Images, "registry.k8s.io/pause:3.10.2") },
			[]string{"images/control-plane"}, "pause"},
		{"a setting changed", func(w *world) { w.seen.Sysctls["net.ipv4.ip_forward"] = "0" },
			[]string{"sysctl/network"}, `is "0", not "1"`},
		{"an object deleted", func(w *world) {
			delete(w.seen.Objects, observed.ObjectKey("DaemonSet", "kube-system", "kube-proxy"))
		}, []string{"addon/kube-proxy"}, "DaemonSet/kube-system/kube-proxy is missing"},
		{"an object's field changed", func(w *world) {
			o := w.seen.Objects[observed.ObjectKey("Deployment", "kube-system", "coredns")]
			o.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["dnsPolicy"] = "None"
		}, []string{"addon/coredns"}, "spec.template.spec.dnsPolicy"},
		{"replicas scaled by the user", func(w *world) {
			o := w.seen.Objects[observed.ObjectKey("Deployment", "kube-system", "coredns")]
			o.Object["spec"].(map[string]any)["replicas"] = int64(5)
		}, nil, ""},
		{"labels of others", func(w *world) {
			o := w.seen.Objects[observed.ObjectKey("Deployment", "kube-system", "coredns")]
			o.SetLabels(map[string]string{"k8s-app": "kube-dns", "team": "x"})
		}, nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, cluster.Hardened)
			w.do(w.plan())
			row.change(w)
			p := w.plan()
			if len(p.Refusals) > 0 || !slices.Equal(ids(p), row.want) {
				t.Fatalf("steps %v, want %v; refusals %v", ids(p), row.want, p.Refusals)
			}
			if len(p.Steps) > 0 && !strings.Contains(p.Steps[0].Reason, row.reason) {
				t.Errorf("reason %q does not say %q", p.Steps[0].Reason, row.reason)
			}
			w.do(p)
			if again := w.plan(); !again.Empty() {
				t.Errorf("left after doing it: %v %v", ids(again), again.Refusals)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(w *world)
		want   string
	}{
		{"the authority lost, its leaves there", func(w *world) {
			delete(w.seen.Files, "/etc/kubernetes/pki/ca.crt")
			delete(w.seen.Files, "/etc/kubernetes/pki/ca.key")
		}, "restore the authority from a backup"},
		{"a leaf lost, the authority's key elsewhere", func(w *world) {
			delete(w.seen.Files, "/etc/kubernetes/pki/ca.key")
			delete(w.seen.Files, "/etc/kubernetes/pki/apiserver.crt")
			delete(w.seen.Files, "/etc/kubernetes/pki/apiserver.key")
		}, "external CA"},
		{"a leaf of another authority", func(w *world) {
			o := newWorld(w.t, cluster.Hardened)
			o.do(o.plan())
			for _, p := range []string{"/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/apiserver.key"} {
				w.seen.Files[p] = o.seen.Files[p]
			}
		}, "somebody else's"},
		{"the signing key of tokens lost", func(w *world) { delete(w.seen.Files, "/etc/kubernetes/pki/sa.key") },
			"tokens signed with it"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, cluster.Hardened)
			w.do(w.plan())
			row.change(w)
			p := w.plan()
			if !strings.Contains(strings.Join(p.Refusals, "\n"), row.want) {
				t.Errorf("refusals %q do not say %q", p.Refusals, row.want)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	w := newWorld(t, cluster.Hardened)
	p := w.plan()
	place := map[string]int{}
	for i, s := range p.Steps {
		place[s.ID()] = i
	}
	for _, s := range p.Steps {
		for _, n := range s.Needs {
			at, ok := place[n]
			if !ok {
				t.Errorf("%s needs %s, which is no step", s.ID(), n)
			}
			if at >= place[s.ID()] {
				t.Errorf("%s is told before %s, which it needs", s.ID(), n)
			}
		}
	}
}

// TestOrderHoldsAcrossWhatIsDone takes the middle of a chain away.
func TestOrderHoldsAcrossWhatIsDone(t *testing.T) {
	chain := []desired.Resource{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	steps := []Step{{Resource: chain[0]}, {Resource: chain[2]}}
	newOrder(chain).link(steps)
	if !slices.Equal(steps[1].Needs, []string{"a"}) {
		t.Errorf("c needs %v, want a: b is done but stands on a", steps[1].Needs)
	}
}
