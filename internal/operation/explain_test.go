package operation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/service/supervisor"
)

func testModel(t *testing.T, profile cluster.Profile) *cluster.Model {
	t.Helper()
	m, err := cluster.New(cluster.Options{Profile: profile, Facts: cluster.Facts{
		Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2, Systemd: true, NFTables: true, OOMScoreAdjustable: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func never(string) bool { return false }

func TestResolve(t *testing.T) {
	want := desired.For(testModel(t, cluster.Hardened), 0)
	all := settings(want)
	for _, row := range []struct {
		name string
		// steps are the IDs found; file is the path; fails is part of the error.
		steps, file, fails string
	}{
		{name: "certs/apiserver", steps: "certs/apiserver"},
		{name: "kubeconfig", steps: "kubeconfig/admin kubeconfig/super-admin kubeconfig/kubelet kubeconfig/controller-manager kubeconfig/scheduler kubeconfig/keelway-approver"},
		{name: "kube-scheduler", steps: "kubeconfig/scheduler control-plane/scheduler"},
		{name: "/etc/kubernetes/pki/ca.crt", steps: "certs/ca", file: "/etc/kubernetes/pki/ca.crt"},
		{name: "/etc/kubernetes//pki/../pki/ca.crt", steps: "certs/ca", file: "/etc/kubernetes/pki/ca.crt"},
		{name: "pki/etcd/ca.crt", steps: "certs/etcd-ca", file: "/etc/kubernetes/pki/etcd/ca.crt"},
		{name: "kubelet.conf", steps: "kubeconfig/kubelet", file: "/etc/kubernetes/kubelet.conf"},
		{name: "kubelet-client-current.pem", steps: "kubeconfig/kubelet", file: "/var/lib/kubelet/pki/kubelet-client-current.pem"},
		{name: "subnet.env", steps: "addon/network-ready", file: "/run/flannel/subnet.env"},
		{name: "security/profiling", steps: "control-plane/apiserver control-plane/controller-manager control-plane/scheduler"},
		{name: "ca.crt", fails: `"ca.crt" can be /etc/kubernetes/pki/ca.crt or /etc/kubernetes/pki/etcd/ca.crt`},
		{name: "certs/apisever", fails: "did you mean certs/apiserver"},
		{name: "kube-schedulr", fails: "did you mean kube-scheduler"},
		{name: "/etc/kubernetes/pki/apisrver.crt", fails: "did you mean /etc/kubernetes/pki/apiserver.crt"},
		{name: "apiserver.yaml", fails: "did you mean /etc/kubernetes/manifests/kube-apiserver.yaml"},
		{name: "/etc/passwd", fails: "lists all steps"},
		{name: "../../etc/kubernetes/admin.conf", fails: "nothing that"},
		{name: "xyzzy", fails: "lists all steps"},
	} {
		got, err := resolve(row.name, want, all, never)
		if row.fails != "" {
			if err == nil || !strings.Contains(err.Error(), row.fails) {
				t.Errorf("%s: %v, want %s", row.name, err, row.fails)
			}
			continue
		}
		var ids []string
		for _, r := range got.resources {
			ids = append(ids, r.ID)
		}
		if err != nil || strings.Join(ids, " ") != row.steps || got.file != row.file {
			t.Errorf("%s: %v %s, %v", row.name, ids, got.file, err)
		}
	}
	inside, err := resolve("/var/lib/etcd/member/snap/db", want, all, func(string) bool { return true })
	if err != nil || inside.file == "" || enclosing(inside.file, want).ID != "etcd/data" {
		t.Errorf("what a component writes into its folder: %+v, %v", inside, err)
	}
}

// Every name that completion offers can be explained.
func TestEveryNameIsKnown(t *testing.T) {
	for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
		want := desired.For(testModel(t, profile), 0)
		for _, name := range Names(want) {
			if _, err := resolve(name, want, settings(want), never); err != nil {
				t.Errorf("%s: %v", profile, err)
			}
		}
	}
}

// Every setting that the hardened profile adds has a line of its own, and the
// profile kubeadm has none of them on that kubeadm has not.
func TestSecuritySettings(t *testing.T) {
	hard, plain := desired.For(testModel(t, cluster.Hardened), 0), desired.For(testModel(t, cluster.Kubeadm), 0)
	told := map[string]bool{}
	for _, s := range settings(hard) {
		if !s.On || len(s.Steps) == 0 {
			t.Errorf("%s is not on, or no step makes it: %+v", s.ID, s)
		}
		for _, line := range s.Where {
			told[line.File+" "+line.Text] = true
		}
	}
	for _, s := range settings(plain) {
		if s.On != (s.ID == "security/node-restriction") {
			t.Errorf("with kubeadm's defaults %s is on: %v", s.ID, s.On)
		}
	}
	theirs := map[string]bool{}
	for _, f := range flagsOf(t, plain) {
		theirs[f] = true
	}
	for _, f := range flagsOf(t, hard) {
		// Speed, not security:
		if theirs[f] || strings.Contains(f, "--concurrent-") || strings.Contains(f, "-period") || strings.Contains(f, "-qps") || strings.Contains(f, "-burst") {
			continue
		}
		known := false
		for line := range told {
			known = known || strings.HasPrefix(f, line)
		}
		if !known {
			t.Errorf("the hardened profile sets %s, and explain has no line for it", f)
		}
	}
}

// flagsOf lists "<manifest> <flag>" of all static pods.
func flagsOf(t *testing.T, want desired.Host) []string {
	t.Helper()
	var list []string
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if !strings.HasPrefix(f.Path, manifestDir) || f.Content == nil {
				continue
			}
			var pod corev1.Pod
			if err := yaml.Unmarshal(f.Content, &pod); err != nil {
				t.Fatal(err)
			}
			for _, flag := range pod.Spec.Containers[0].Command[1:] {
				list = append(list, f.Path+" "+flag)
			}
		}
	}
	return list
}

// Whoever's flags name a file reads it: explain must say so.
func TestReadersAreWhoReads(t *testing.T) {
	for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
		want := desired.For(testModel(t, profile), 0)
		for _, r := range want.Resources {
			for _, f := range explainFiles(want, r) {
				for _, component := range named(want, f.Path) {
					if !slices.Contains(f.Readers, component) {
						t.Errorf("%s: %s reads %s; explain says %v", profile, component, f.Path, f.Readers)
					}
				}
			}
		}
	}
}

func TestSecretsAreMarked(t *testing.T) {
	want := desired.For(testModel(t, cluster.Hardened), 0)
	for _, r := range want.Resources {
		for _, f := range explainFiles(want, r) {
			secret := strings.HasSuffix(f.Path, ".key") || strings.HasSuffix(f.Path, ".conf") && f.Kind == "kubeconfig" ||
				strings.HasSuffix(f.Path, ".pem") || f.Path == cluster.EncryptionFile
			if f.Secret != secret {
				t.Errorf("%s (%s) is secret: %v", f.Path, f.Kind, f.Secret)
			}
		}
	}
}

// here is the machine that the test runs on; nothing of it is changed.
func here(t *testing.T) *Machine {
	t.Helper()
	h, err := local.New("")
	if err != nil {
		t.Fatal(err)
	}
	services, err := service.Detect(context.Background(), h, supervisor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(context.Background(), h, services, nothing{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type nothing struct{}

func (nothing) Emit(report.Event) {}

func TestExplainHere(t *testing.T) {
	m := here(t)
	chosen := cluster.Options{Profile: cluster.Hardened, AdvertiseAddress: "192.0.2.10", NodeName: "node-1"}
	e, err := Explain(context.Background(), m, ExplainOptions{Cluster: &chosen})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Steps) < 50 || len(e.Security) != 8 || e.Host != "node-1" {
		t.Errorf("%d steps, %d settings on %s", len(e.Steps), len(e.Security), e.Host)
	}
	for _, s := range e.Steps {
		if s.What == "" || s.Why == "" {
			t.Errorf("%s does not say what or why", s.ID)
		}
	}
	one, err := Explain(context.Background(), m, ExplainOptions{Cluster: &chosen, Name: "/etc/kubernetes/pki/apiserver.crt"})
	if err != nil {
		t.Fatal(err)
	}
	if f := one.File; f == nil || f.Writer != "certs/apiserver" || f.Mode != "0644" || !slices.Equal(f.Readers, []string{"kube-apiserver"}) {
		t.Errorf("%+v", f)
	}
	var unknown *UnknownNameError
	if _, err := Explain(context.Background(), m, ExplainOptions{Cluster: &chosen, Name: "nonsense"}); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}
