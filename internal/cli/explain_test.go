package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report/text"
)

func TestHanging(t *testing.T) {
	rows := [][]string{{"/etc/a", "0644", "one two three four five six seven eight nine ten eleven twelve"}, {"/etc/long/path", "0600", ""}}
	for _, row := range []struct {
		width int
		want  string
	}{
		{70, "  /etc/a          0644  one two three four five six seven eight nine\n" +
			"                        ten eleven twelve\n" +
			"  /etc/long/path  0600\n"},
		{50, "  /etc/a          0644\n" +
			"      one two three four five six seven eight nine\n" +
			"      ten eleven twelve\n" +
			"  /etc/long/path  0600\n"},
	} {
		var b bytes.Buffer
		hanging(&b, "  ", rows, row.width)
		if b.String() != row.want {
			t.Errorf("in %d columns:\n%s\nwant\n%s", row.width, b.String(), row.want)
		}
	}
}

func TestPrint(t *testing.T) {
	data := map[string]string{"name": "a <b>"}
	for output, want := range map[string]string{
		"text": "words\n", "": "words\n", "json": "{\n  \"name\": \"a <b>\"\n}\n", "yaml": "name: a <b>\n",
	} {
		f, err := os.CreateTemp(t.TempDir(), "out")
		if err != nil {
			t.Fatal(err)
		}
		if err := (streams{out: f}).print(output, data, func(w io.Writer) { _, _ = io.WriteString(w, "words\n") }); err != nil {
			t.Error(err)
		}
		if got, _ := os.ReadFile(f.Name()); string(got) != want {
			t.Errorf("%s: %q", output, got)
		}
	}
	var usage usageError
	if err := (streams{}).print("xml", data, nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "text, json or yaml") {
		t.Errorf("%v", err)
	}
}

func statusReport() *operation.StatusReport {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r := &operation.StatusReport{
		Host: "node-1", Time: now, Roles: []cluster.Role{cluster.ControlPlane, cluster.Worker}, Kubernetes: "v1.37.0", Profile: cluster.Hardened,
		Ours: true, Installed: true, API: true, Compared: "keelway up",
		Components: []operation.ComponentStatus{
			{Name: "kubelet", Version: "v1.37.0", Runs: component.Service, Health: state.Healthy, MemoryBytes: 138e6},
			{Name: "etcd", Version: "3.7.3-0", Runs: component.StaticPod, Health: state.Unhealthy, Detail: "/readyz: connection refused", Restarts: 3},
		},
		Nodes:        []operation.NodeStatus{{Name: "node-1", Ready: true, Version: "v1.37.0", Roles: []string{"control-plane"}, Conditions: []string{"Ready=True"}}},
		Certificates: []operation.CertificateStatus{{Name: "apiserver", Issuer: "ca", Expires: now.Add(20 * 24 * time.Hour), DaysLeft: 20, Soon: true}},
		Drift:        []operation.Drift{{Step: "control-plane/scheduler", Change: "update", Reason: "kube-scheduler.yaml has another content"}},
		Problems:     []string{"etcd is unhealthy: /readyz: connection refused"},
	}
	r.Services.Manager, r.Services.Boot = "supervisor", "after a reboot, when cron starts, through /etc/cron.d/keelway"
	return r
}

func TestPrintStatus(t *testing.T) {
	var b bytes.Buffer
	printStatus(&b, statusReport(), 80)
	for _, words := range []string{
		"Kubernetes v1.37.0, profile hardened, on node-1\n",
		"under the built-in supervisor; after a reboot",
		"kubelet    v1.37.0  supervisor service  healthy    0         138 MB\n",
		"etcd       3.7.3-0  static pod          unhealthy  3         -       /readyz: connection refused\n",
		"node-1  Ready  v1.37.0  control-plane",
		"apiserver    20 days!  2026-12-12  ca\n",
		"control-plane/scheduler: kube-scheduler.yaml has another content",
		"problem  etcd is unhealthy", "keelway diagnose",
	} {
		if !strings.Contains(b.String(), words) {
			t.Errorf("%q is not in\n%s", words, b.String())
		}
	}
}

// What is not of a machine's role is not shown, and what differs is named after who
// gave it.
func TestPrintStatusByRole(t *testing.T) {
	for _, row := range []struct {
		roles     []cluster.Role
		compared  string
		says, not []string
	}{
		{[]cluster.Role{cluster.Worker}, "keelway apply", []string{"on node-1, a worker\n", "NODE ", "What differs from what `keelway apply` gave this machine:\n  /etc/a is missing\n", "keelway apply       make good what differs"}, []string{"keelway up"}},
		{[]cluster.Role{cluster.Worker}, "", []string{"note: nobody"}, []string{"differs"}},
		{[]cluster.Role{cluster.EtcdMember}, "keelway apply", []string{"node-1 is a host of etcd, and no node\n"}, []string{"NODE ", "API ", "Ranges"}},
		{[]cluster.Role{cluster.LoadBalancer}, "keelway apply", []string{"node-1 is a load balancer"}, []string{"NODE ", "Ranges"}},
	} {
		r := statusReport()
		r.Roles, r.Compared, r.Drift = row.roles, row.compared, []operation.Drift{{Reason: "/etc/a is missing"}}
		if row.compared == "" {
			r.Drift, r.DriftNotes = nil, []string{"nobody has written it down"}
		}
		var b bytes.Buffer
		printStatus(&b, r, 80)
		for _, words := range row.says {
			if !strings.Contains(b.String(), words) {
				t.Errorf("%v: %q is not in\n%s", row.roles, words, b.String())
			}
		}
		for _, words := range row.not {
			if strings.Contains(b.String(), words) {
				t.Errorf("%v: %q is in\n%s", row.roles, words, b.String())
			}
		}
	}
}

func TestPrintStatusOfAnEmptyMachine(t *testing.T) {
	var b bytes.Buffer
	printStatus(&b, &operation.StatusReport{Host: "node-1"}, 80)
	if !strings.HasPrefix(b.String(), "There is no cluster on node-1.\n") || !strings.Contains(b.String(), "keelway up") {
		t.Error(b.String())
	}
}

// A file's explanation fits the width, and never shows more than it was given.
func TestPrintFile(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := &operation.Explanation{
		By:    "keelway up",
		Steps: []operation.ExplainedStep{{ID: "certs/ca", What: "make the authority", Why: strings.Repeat("why and wherefore ", 12)}},
		File: &operation.FileExplanation{
			ExplainedFile: operation.ExplainedFile{Path: "/etc/kubernetes/pki/ca.key", Kind: "private key", Mode: "0600", Secret: true, Readers: []string{"kube-controller-manager"}},
			Writer:        "certs/ca", When: "once", Restarts: []string{"kubelet"},
			Now: operation.FileState{Exists: true, Kind: "regular file", Mode: "0644", Owner: "0:0", Size: 227, Modified: &at, Difference: "has mode 0644, not 0600"},
		},
	}
	var b bytes.Buffer
	printExplanation(&b, e, 60)
	for line := range strings.Lines(b.String()) {
		if text.Columns(strings.TrimSuffix(line, "\n")) > 60 {
			t.Errorf("too wide: %s", line)
		}
	}
	e.File.Now.Difference = ""
	var other bytes.Buffer
	printExplanation(&other, e, 60)
	e.File.Now.Compared = true
	var same bytes.Buffer
	printExplanation(&same, e, 60)
	if strings.Contains(other.String(), "as desired") || !strings.Contains(same.String(), "as desired   yes") {
		t.Errorf("only what was compared is as desired:\n%s%s", other.String(), same.String())
	}
	for _, words := range []string{"secret: its content is never shown", "when changed `keelway up` starts kubelet again", "differs      has mode 0644, not 0600"} {
		if !strings.Contains(b.String(), words) {
			t.Errorf("%q is not in\n%s", words, b.String())
		}
	}
}
