package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/report"
)

// TestKilledAtEveryStep kills keelway at the beginning and at the end of every
// step of up, one after the other, and runs it again. The cluster that comes
// out is the one of a run that nobody disturbed.
func TestKilledAtEveryStep(t *testing.T) {
	enabled(t)
	up(t)
	undisturbed := normal(t)
	remove(t)

	t.Cleanup(func() { remove(t) })
	begun, ended := map[string]bool{}, map[string]bool{}
	for range 300 {
		at, code := killed(t, syscall.SIGKILL, func(e report.Event) bool {
			switch {
			case e.Step == "" || e.Phase == "bundle":
				return false
			case e.Kind == report.Step && !begun[e.Step]:
				begun[e.Step] = true
				return true
			case e.Kind == report.Done && !ended[e.Step]:
				ended[e.Step] = true
				return true
			}
			return false
		})
		if at.Step == "" {
			if code != 0 {
				t.Fatalf("a run that was not killed ended with %d", code)
			}
			break
		}
	}
	t.Logf("killed at the beginning of %d steps and at the end of %d", len(begun), len(ended))
	if len(begun) < 50 {
		t.Errorf("killed at the beginning of %d steps only: %v", len(begun), begun)
	}
	must(t, "up", "--prove")
	if left := difference(undisturbed, normal(t)); len(left) > 0 {
		t.Errorf("the cluster differs from an undisturbed one:\n%s", strings.Join(left, "\n"))
	}
}

// TestInterrupted presses Ctrl-C in the middle and goes on.
func TestInterrupted(t *testing.T) {
	enabled(t)
	t.Cleanup(func() { remove(t) })
	at, code := killed(t, syscall.SIGINT, func(e report.Event) bool {
		return e.Kind == report.Step && e.Step == "wait-control-plane/kube-apiserver"
	})
	if at.Step == "" || code != 130 {
		t.Errorf("interrupted at %q, exit code %d, want 130", at.Step, code)
	}
	must(t, "up")
}

var generated = regexp.MustCompile(`-[a-z0-9]{5,10}(-[a-z0-9]{5})?$`)

// normal is what stays the same from one cluster to the next: files with their
// modes, and the contents of those that hold no key, certificate or address of
// a moment; API objects by kind and name.
func normal(t *testing.T) machine {
	t.Helper()
	m := machine{}
	for _, dir := range []string{"/etc/kubernetes", "/etc/containerd", "/etc/cni", "/opt/cni", "/usr/lib/systemd/system", "/var/lib/kubelet/config.yaml",
		"/var/lib/kubelet/kubeadm-flags.env", "/var/lib/kubelet/instance-config.yaml", "/usr/bin/kubelet", "/usr/local/bin", "/usr/local/sbin"} {
		_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			info, err := e.Info()
			if err != nil {
				return nil
			}
			text := info.Mode().String()
			secret := strings.HasPrefix(p, "/etc/kubernetes/pki/") || strings.HasSuffix(p, ".conf") || strings.HasSuffix(p, "encryption/config.yaml")
			if info.Mode().IsRegular() && !secret {
				data, err := os.ReadFile(p)
				if err != nil {
					t.Fatal(err)
				}
				text += fmt.Sprintf(" %x", sha256.Sum256(data))
			}
			m["file "+p] = text
			return nil
		})
	}
	var objects struct {
		Items []struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
	}
	kinds := "configmaps,secrets,serviceaccounts,services,daemonsets.apps,deployments.apps,pods,nodes,clusterroles,clusterrolebindings,roles,rolebindings,namespaces"
	if err := json.Unmarshal([]byte(kubectl(t, "get", kinds, "-A", "-o", "json")), &objects); err != nil {
		t.Fatal(err)
	}
	for _, o := range objects.Items {
		name := o.Metadata.Name
		if o.Kind == "Pod" {
			name = generated.ReplaceAllString(name, "-*")
		}
		m["object "+o.Kind+" "+o.Metadata.Namespace+"/"+name] = "is there"
	}
	return m
}

// TestTheStepListIsWhole compares the steps that a run reports with those that
// explain lists, so that the test above walks all of them.
func TestTheStepListIsWhole(t *testing.T) {
	enabled(t)
	t.Cleanup(func() { remove(t) })
	var ran []string
	killed(t, 0, func(e report.Event) bool {
		if e.Kind == report.Done && e.Step != "" && e.Phase != "bundle" && e.Phase != "prove" {
			ran = append(ran, e.Step)
		}
		return false
	})
	var listed struct {
		Steps []struct {
			ID string `json:"id"`
		} `json:"steps"`
	}
	if err := json.Unmarshal([]byte(must(t, "explain", "--output", "json").out), &listed); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range listed.Steps {
		// This machine has nothing of an earlier cluster, which it would remove.
		if s.ID != "kubelet-start/network" {
			want = append(want, s.ID)
		}
	}
	slices.Sort(ran)
	slices.Sort(want)
	if !slices.Equal(ran, want) {
		t.Errorf("up did\n%v\nexplain lists\n%v", ran, want)
	}
}
