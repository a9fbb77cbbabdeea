package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelway.dev/keelway/internal/verify"
)

// TestVerify asks a real cluster in order, then one with something broken.
func TestVerify(t *testing.T) {
	enabled(t)
	up(t)
	t.Run("everything passes", verified)
	t.Run("JUnit", junit)
	t.Run("interrupted", interruptedVerify)
	t.Run("killed, and run again", killedVerify)
	t.Run("a file that everybody may read", openFile)
	t.Run("no CoreDNS", withoutDNS)
	t.Run("no kube-proxy", withoutProxy)
}

// verifyReport runs the checks and returns them by name.
func verifyReport(t *testing.T, wantCode int) map[string]verify.Result {
	t.Helper()
	r := run(t, "verify", "-o", "json")
	var report verify.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("not JSON: %v\n%s\n%s", err, r.out, r.err)
	}
	if r.code != wantCode {
		t.Errorf("exit code %d, want %d:\n%s", r.code, wantCode, r.out)
	}
	all := map[string]verify.Result{}
	for _, one := range report.Results {
		all[one.Name] = one
	}
	nothingLeft(t)
	return all
}

func leftovers(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "daemonsets,pods,services,secrets,configmaps", "-A", "-l", "keelway.dev/verify", "-o", "name")
}

func nothingLeft(t *testing.T) {
	t.Helper()
	if out := leftovers(t); out != "" {
		t.Errorf("verify left something:\n%s", out)
	}
}

func verified(t *testing.T) {
	all := verifyReport(t, 0)
	if len(all) != len(verify.Checks()) {
		t.Errorf("%d results of %d checks", len(all), len(verify.Checks()))
	}
	for name, r := range all {
		if r.Level != verify.Passed || r.Seen == "" {
			t.Errorf("%s: %s, %q: %v", name, r.Level, r.Seen, r.Findings)
		}
	}
	for name, seen := range map[string]string{
		"PodToPod": "1 pair", "Encryption": "1 API server: secretbox", "Etcd": "1 member, etcd 3.7", "EtcdConsistency": "1 member at revision",
		"Certificates": "4 listeners", "Endpoint": "1 node by https://",
	} {
		if !strings.HasPrefix(all[name].Seen, seen) {
			t.Errorf("%s saw %q, want %q", name, all[name].Seen, seen)
		}
	}
}

func junit(t *testing.T) {
	r := must(t, "verify", "-o", "junit")
	var s struct {
		XMLName  xml.Name `xml:"testsuite"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Cases    []struct {
			Name string `xml:"name,attr"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if s.Tests != len(verify.Checks()) || len(s.Cases) != s.Tests || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

// signalled starts verify, sends it a signal once its pods are there, and
// returns its exit code, -1 for a signal.
func signalled(t *testing.T, sig syscall.Signal) int {
	t.Helper()
	cmd := exec.Command(program(t), "verify")
	cmd.Env = environment(t)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(leftovers(t), "pod/"); {
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			t.Fatalf("no probe was seen:\n%s", out.String())
		}
	}
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func interruptedVerify(t *testing.T) {
	if code := signalled(t, syscall.SIGINT); code != 130 {
		t.Errorf("exit code %d after Ctrl-C, want 130", code)
	}
	nothingLeft(t)
}

func killedVerify(t *testing.T) {
	signalled(t, syscall.SIGKILL)
	if leftovers(t) == "" {
		t.Fatal("a run that was killed left nothing: the test does not test the next one")
	}
	verifyReport(t, 0)
}

// failedOnly wants the named checks to fail and no other.
func failedOnly(t *testing.T, all map[string]verify.Result, want ...string) {
	t.Helper()
	var failed []string
	for _, c := range verify.Checks() {
		if r := all[c.Name]; r.Level == verify.Failed {
			failed = append(failed, c.Name)
			for _, f := range r.Findings {
				if f.Level == verify.Failed && f.Fix == "" {
					t.Errorf("%s: %q says not what to do", c.Name, f.Message)
				}
			}
		}
	}
	if !slices.Equal(failed, want) {
		t.Errorf("failed: %v, want %v: %+v", failed, want, all)
	}
}

func openFile(t *testing.T) {
	const path = "/etc/kubernetes/scheduler.conf"
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(path, 0o600) }()
	all := verifyReport(t, 1)
	failedOnly(t, all, "FileModes")
	if f := all["FileModes"].Findings; len(f) != 1 || !strings.HasSuffix(f[0].Where, path) || f[0].Fix != "chmod 0600 "+path {
		t.Errorf("found %+v", f)
	}
}

func withoutDNS(t *testing.T) {
	kubectl(t, "-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
	kubectl(t, "-n", "kube-system", "wait", "--for=delete", "--timeout=60s", "pod", "-l", "k8s-app=kube-dns")
	defer func() {
		kubectl(t, "-n", "kube-system", "scale", "deployment/coredns", "--replicas=2")
		kubectl(t, "-n", "kube-system", "rollout", "status", "--timeout=90s", "deployment/coredns")
	}()
	r := run(t, "verify")
	if r.code != 1 || !strings.Contains(r.out, "failed   DNS") || !strings.Contains(r.out, "what to do: look at CoreDNS") {
		t.Errorf("exit code %d:\n%s%s", r.code, r.out, r.err)
	}
	if n := strings.Count("\n"+r.out, "\nfailed "); n != 1 {
		t.Errorf("%d checks failed, want DNS alone:\n%s", n, r.out)
	}
	nothingLeft(t)
}

// withoutProxy stops kube-proxy and drops its rules. Pods still reach each
// other, and the API; no Service is reached any more.
func withoutProxy(t *testing.T) {
	proxy := func(selector string) {
		kubectl(t, "-n", "kube-system", "patch", "daemonset/kube-proxy", "--type=json", "-p",
			`[{"op":"replace","path":"/spec/template/spec/nodeSelector","value":`+selector+`}]`)
	}
	proxy(`{"keelway.dev/none":"here"}`)
	defer func() {
		proxy(`{"kubernetes.io/os":"linux"}`)
		kubectl(t, "-n", "kube-system", "rollout", "status", "--timeout=90s", "daemonset/kube-proxy")
	}()
	kubectl(t, "-n", "kube-system", "wait", "--for=delete", "--timeout=60s", "pod", "-l", "k8s-app=kube-proxy")
	if out, err := exec.Command("nft", "delete", "table", "ip", "kube-proxy").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	failedOnly(t, verifyReport(t, 1), "PodToService", "DNS", "NodePort")
}
