package operation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/plan"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// written is what is seen once every file of want is there.
func written(want desired.Host) observed.Host {
	seen := observed.Host{Files: map[string]observed.File{}, Sysctls: map[string]string{}, Services: map[string]observed.Service{}}
	for _, r := range want.Resources {
		for _, f := range r.Files {
			o := observed.File{Mode: f.Mode, Link: f.Link, Content: f.Content}
			if f.Mode.IsRegular() {
				o.SHA256 = sum(f.Content)
			}
			seen.Files[f.Path] = o
		}
		for _, s := range r.Sysctls {
			seen.Sysctls[s.Name] = s.Value
		}
		if r.Service != nil {
			seen.Services[r.Service.Name] = observed.Service{Running: true}
		}
		if r.Key != nil {
			seen.Files[r.Key.Path] = observed.File{Mode: r.Key.Mode, Content: []byte("key")}
		}
	}
	return seen
}

// onlyFiles leaves out what needs keys to be made.
func onlyFiles(want desired.Host) desired.Host {
	var kept []desired.Resource
	for _, r := range want.Resources {
		if r.Certificate == nil && r.Kubeconfig == nil && r.Keypair == nil {
			kept = append(kept, r)
		}
	}
	want.Resources = kept
	return want
}

func TestDrift(t *testing.T) {
	want := onlyFiles(desired.For(testModel(t, cluster.Hardened), 0))
	const unit, manifest = "/usr/lib/systemd/system/kubelet.service", "/etc/kubernetes/manifests/kube-scheduler.yaml"
	for _, row := range []struct {
		name   string
		change func(observed.Host)
		// step is to be done again, and does that; words are told of it, not is
		// never. No step is no drift.
		step  string
		does  plan.Change
		words []string
		not   string
	}{
		{name: "as it was made", change: func(observed.Host) {}},
		{
			name: "a file that everybody may read is shown",
			change: func(seen observed.Host) {
				f := seen.Files[unit]
				f.Content = []byte(strings.Replace(string(f.Content), "RestartSec=10", "RestartSec=60", 1))
				f.SHA256 = sum(f.Content)
				seen.Files[unit] = f
			},
			step: "kubelet-start/programs", does: plan.Update,
			words: []string{unit + " has another content", `line 11 is "RestartSec=60", not "RestartSec=10"`},
		},
		{
			name: "one that only root may read is not",
			change: func(seen observed.Host) {
				f := seen.Files[manifest]
				f.Content = []byte(strings.Replace(string(f.Content), "--leader-elect=true", "--leader-elect=hunter2", 1))
				f.SHA256 = sum(f.Content)
				seen.Files[manifest] = f
			},
			step: "control-plane/scheduler", does: plan.Update,
			words: []string{manifest + " has another content"}, not: "hunter2",
		},
		{
			name:   "a file that is gone",
			change: func(seen observed.Host) { delete(seen.Files, manifest) },
			step:   "control-plane/scheduler", does: plan.Create, words: []string{manifest + " is missing"},
		},
		{
			name: "a mode",
			change: func(seen observed.Host) {
				f := seen.Files[manifest]
				f.Mode = 0o644
				seen.Files[manifest] = f
			},
			step: "control-plane/scheduler", does: plan.Update, words: []string{"has mode 0644, not 0600"},
		},
		{
			name:   "a kernel setting",
			change: func(seen observed.Host) { seen.Sysctls["net.ipv4.ip_forward"] = "0" },
			step:   "sysctl/network", does: plan.Update, words: []string{`net.ipv4.ip_forward is "0", not "1"`},
		},
		{
			name:   "a service",
			change: func(seen observed.Host) { seen.Services["kubelet"] = observed.Service{} },
			step:   "kubelet-start/kubelet", does: plan.Start, words: []string{"kubelet is not running"},
		},
	} {
		seen := written(want)
		row.change(seen)
		list, notes := drift(want, seen, plan.Inputs{Binaries: known(nil, want, seen), Now: testNow}, false)
		if len(notes) != 3 {
			t.Errorf("%s: programs, objects and images could not be compared: %v", row.name, notes)
		}
		if row.step == "" {
			if len(list) != 0 {
				t.Errorf("%s: %+v", row.name, list)
			}
			continue
		}
		// A service that reads the file is to be started again as well.
		if len(list) > 0 && list[len(list)-1].Change == plan.Restart {
			list = list[:len(list)-1]
		}
		if len(list) != 1 || list[0].Step != row.step || list[0].Change != row.does {
			t.Errorf("%s: %+v", row.name, list)
			continue
		}
		said := list[0].Reason + "\n" + strings.Join(list[0].Lines, "\n")
		for _, w := range row.words {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q is not in %q", row.name, w, said)
			}
		}
		if row.not != "" && strings.Contains(said, row.not) {
			t.Errorf("%s: it shows %q", row.name, said)
		}
	}
}

// A program is compared with what was written down, if anything was.
func TestDriftOfPrograms(t *testing.T) {
	want := onlyFiles(desired.For(testModel(t, cluster.Kubeadm), 0))
	seen := written(want)
	for _, row := range []struct {
		programs map[string]string
		drifts   int
	}{{nil, 0}, {map[string]string{"runc": sum(nil)}, 0}, {map[string]string{"runc": strings.Repeat("0", 64)}, 1}} {
		list, _ := drift(want, seen, plan.Inputs{Binaries: known(row.programs, want, seen), Now: testNow}, len(row.programs) > 0)
		if len(list) != row.drifts {
			t.Errorf("%v: %+v", row.programs, list)
		}
	}
}

func TestFirstDifference(t *testing.T) {
	for _, row := range []struct {
		have, want string
		n          int
	}{{"a\nb\n", "a\nb\n", 0}, {"a\nc\n", "a\nb\n", 2}, {"a\n", "a\nb\n", 2}, {"", "a", 1}, {"a\nb", "a", 2}, {"a", "a\n", 2}} {
		if n, _, _ := firstDifference([]byte(row.have), []byte(row.want)); n != row.n {
			t.Errorf("%q and %q differ at line %d, want %d", row.have, row.want, n, row.n)
		}
	}
}

func TestCertificates(t *testing.T) {
	m := testModel(t, cluster.Kubeadm)
	table := pki.Table(desired.PKI(m, m.Hosts[0]))
	issued := testNow.Add(-340 * 24 * time.Hour)
	ca, err := pki.Issue(rand.Reader, issued, table[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := pki.Issue(rand.Reader, issued, table[1], ca)
	if err != nil {
		t.Fatal(err)
	}
	seen := observed.Host{Files: map[string]observed.File{
		table[0].CertPath(): {Content: ca.CertPEM}, table[0].KeyPath(): {Content: ca.KeyPEM},
		table[1].CertPath(): {Content: leaf.CertPEM}, table[1].KeyPath(): {Content: leaf.KeyPEM},
		table[2].CertPath(): {Content: []byte("rubbish")},
	}}
	list := certificates(m, seen, testNow)
	byName := map[string]CertificateStatus{}
	for _, c := range list {
		byName[c.Name] = c
	}
	if len(list) != 15 {
		t.Errorf("%d certificates and kubeconfigs", len(list))
	}
	if c := byName["ca"]; c.Soon || c.Missing || c.DaysLeft < 3300 || !c.CA {
		t.Errorf("%+v", c)
	}
	if c := byName["apiserver"]; !c.Soon || c.DaysLeft > 25 || c.Issuer != "ca" {
		t.Errorf("%+v", c)
	}
	if c := byName[table[2].Name]; c.Problem == "" || c.Missing {
		t.Errorf("%+v", c)
	}
	if c := byName["admin.conf"]; !c.Missing {
		t.Errorf("%+v", c)
	}
}

func TestJudge(t *testing.T) {
	well := func() *StatusReport {
		return &StatusReport{
			Host: "node-1", Time: testNow, Installed: true, API: true, Compared: byUp,
			Components:   []ComponentStatus{{Name: "etcd", Runs: component.StaticPod, Health: state.Healthy}},
			Nodes:        []NodeStatus{{Name: "node-1", Ready: true}},
			Certificates: []CertificateStatus{{Name: "ca", Expires: testNow.Add(time.Hour * 1000), DaysLeft: 41}},
		}
	}
	for _, row := range []struct {
		name              string
		change            func(*StatusReport)
		healthy           bool
		problems, warning string
	}{
		{name: "all is well", change: func(*StatusReport) {}, healthy: true},
		{name: "a component", change: func(r *StatusReport) { r.Components[0].Health, r.Components[0].Detail = state.Unhealthy, "/readyz: no" },
			problems: "etcd is unhealthy: /readyz: no"},
		{name: "nobody knows", change: func(r *StatusReport) { r.Components[0].Health = state.Unknown }, problems: "etcd is unknown: "},
		{name: "a node", change: func(r *StatusReport) { r.Nodes[0].Problems = []string{"DiskPressure is True: full"} },
			problems: "node node-1: DiskPressure is True: full"},
		{name: "an expired certificate", change: func(r *StatusReport) { r.Certificates[0].Expires = testNow.Add(-2 * time.Hour) },
			problems: "ca expired 120m ago"},
		{name: "one that soon will", change: func(r *StatusReport) { r.Certificates[0].Soon, r.Certificates[0].DaysLeft = true, 29 },
			healthy: true, warning: "ca expires in 29 days"},
		{name: "one that is missing is a difference", change: func(r *StatusReport) { r.Certificates[0] = CertificateStatus{Name: "ca", Missing: true, Problem: "x"} },
			healthy: true},
		{name: "drift is no illness", change: func(r *StatusReport) { r.Drift = []Drift{{Step: "certs/ca"}} }, healthy: true, warning: "`keelway up` would do 1 steps"},
		{name: "nor is what another command gave", change: func(r *StatusReport) { r.Compared, r.Drift = byApply, []Drift{{Reason: "/etc/a is missing"}} }, healthy: true,
			warning: "1 of the things that `keelway apply` gave"},
		{name: "no cluster", change: func(r *StatusReport) { r.Installed = false }, problems: "there is no cluster on node-1"},
	} {
		r := well()
		row.change(r)
		r.judge()
		if r.Healthy != row.healthy || strings.Join(r.Problems, ";") != row.problems || !strings.HasPrefix(strings.Join(r.Warnings, ";"), row.warning) {
			t.Errorf("%s: healthy %v, %q, %q", row.name, r.Healthy, r.Problems, r.Warnings)
		}
	}
}

// The map of a machine in its four stages, as the guides to kubeadm draw it.
func TestStages(t *testing.T) {
	ctx := context.Background()
	want := desired.For(testModel(t, cluster.Kubeadm), 0)
	m := testModel(t, cluster.Kubeadm)
	var components []ComponentStatus
	for _, c := range component.For(m, m.Hosts[0]) {
		components = append(components, ComponentStatus{Name: c.Name, Runs: c.Kind, Health: state.Absent})
	}
	h := hosttest.New("node-1")
	list := stages(ctx, h, want, observed.Host{}, components, false)
	counts := map[string]int{}
	for _, s := range list {
		if s.Done {
			t.Errorf("%s is done on an empty machine", s.Name)
		}
		for _, f := range s.Files {
			if f.Role == "" || f.Writer == "" {
				t.Errorf("%s has no role or no writer", f.Path)
			}
			switch {
			case strings.HasPrefix(f.Path, "/etc/kubernetes/pki/"):
				counts["pki"]++
			case strings.HasSuffix(f.Path, ".conf") && strings.HasPrefix(f.Path, "/etc/kubernetes/"):
				counts["kubeconfigs"]++
			case strings.HasPrefix(f.Path, manifestDir):
				counts["manifests"]++
			}
		}
	}
	if counts["pki"] != 22 || counts["kubeconfigs"] != 5 || counts["manifests"] != 4 {
		t.Errorf("kubeadm makes 22, 5 and 4 of them: %v", counts)
	}
	for _, row := range []struct {
		name string
		in   string
	}{{"containerd", "running running running running"}, {"kubelet", "- waits for its configuration running running"},
		{"etcd", "- - running running"}, {"flannel", "- - - running"}, {"coredns", "- - waits for the pod network running"}} {
		var should []string
		for _, s := range list {
			for _, c := range s.Components {
				if c.Name == row.name {
					should = append(should, c.Should)
				}
			}
		}
		if got := strings.Join(should, " "); got != row.in {
			t.Errorf("%s: %s, want %s", row.name, got, row.in)
		}
	}

	// Now all of it is there and works.
	seen := observed.Host{Files: map[string]observed.File{}}
	for _, r := range want.Resources {
		for _, p := range r.Paths() {
			seen.Files[p] = observed.File{Mode: 0o600}
		}
	}
	for _, files := range byComponents(want) {
		for _, f := range files {
			if err := h.Put(ctx, host.Entry{Path: f.Path, Mode: 0o600}, strings.NewReader("")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range components {
		components[i].Health = state.Healthy
	}
	for _, s := range stages(ctx, h, want, seen, components, true) {
		if !s.Done {
			t.Errorf("%s is not done: %+v", s.Name, s)
		}
	}
	// One file is taken away.
	delete(seen.Files, "/etc/kubernetes/kubelet.conf")
	for _, s := range stages(ctx, h, want, seen, components, true) {
		if s.Done == (s.Number == 3) {
			t.Errorf("%s is done: %v", s.Name, s.Done)
		}
	}
}

func TestOptions(t *testing.T) {
	ctx := context.Background()
	m := here(t)
	h := hosttest.New("node-1")
	m.Host = h
	if _, basis, err := m.LoadOptions(ctx); err != nil || basis != Defaulted {
		t.Errorf("an empty machine: %s, %v", basis, err)
	}
	// A cluster without a record, as kubeadm leaves it.
	model := testModel(t, cluster.Hardened)
	model.Hosts[0].Init.LocalAPIEndpoint.BindPort = 7443
	for _, r := range desired.For(model, 0).Resources {
		for _, f := range r.Files {
			if strings.HasPrefix(f.Path, manifestDir) && f.Mode.IsRegular() {
				if err := h.Put(ctx, host.Entry{Path: f.Path, Mode: f.Mode}, strings.NewReader(string(f.Content))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	o, basis, err := m.LoadOptions(ctx)
	if err != nil || basis != Found {
		t.Fatalf("%s, %v", basis, err)
	}
	if o.KubernetesVersion != "v1.37.0" || o.Profile != cluster.Hardened || o.NodeName != "node-1" || o.AdvertiseAddress != "192.0.2.10" ||
		o.BindPort != 7443 || o.PodSubnet != "10.244.0.0/16" || o.ServiceSubnet != "10.96.0.0/12" || o.DNSDomain != "cluster.local" ||
		o.CertificatesDir != "/etc/kubernetes/pki" || o.ImageRepository != "registry.k8s.io" || o.ControlPlaneEndpoint != "" {
		t.Errorf("%+v", o)
	}
	// What was chosen is written once, and never a token.
	chosen := cluster.Options{Token: "abcdef.0123456789abcdef"}
	for range 2 {
		if err := m.SaveOptions(ctx, chosen, model, map[string]string{"runc": "aa"}); err != nil {
			t.Fatal(err)
		}
	}
	puts := 0
	for _, c := range h.Calls() {
		if c.Op == "put" && c.Path == optionsPath {
			puts++
		}
	}
	o, basis, err = m.LoadOptions(ctx)
	if err != nil || basis != Recorded || o.ServiceSubnet != model.Cluster.Networking.ServiceSubnet || o.Programs["runc"] != "aa" || puts != 1 || o.Cluster().Token != "" {
		t.Errorf("%s, %+v, %d writes, %v", basis, o, puts, err)
	}
	if err := h.Put(ctx, host.Entry{Path: optionsPath, Mode: 0o644}, strings.NewReader("{")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.LoadOptions(ctx); err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("a damaged record: %v", err)
	}
}

// Status never fails for what it finds, and changes nothing: here is whatever
// machine the test runs on.
func TestStatusHere(t *testing.T) {
	m := here(t)
	began := time.Now()
	r, err := Status(context.Background(), m, StatusOptions{Stages: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: installed %v, healthy %v, in %s", r.Host, r.Installed, r.Healthy, time.Since(began))
	if len(r.Stages) != 4 || len(r.Components) < 9 {
		t.Errorf("%d stages, %d components", len(r.Stages), len(r.Components))
	}
	if !r.Installed && (r.Healthy || len(r.Problems) != 1) {
		t.Errorf("%+v", r.Problems)
	}
}

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}
