package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/bench/peer"
	keelwaybundle "keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/service/supervisor"
)

// TestPeerCluster makes one cluster after the other on this machine from the
// same configuration, programs and images, with the real kubeadm and with
// `keelway init`. It holds the objects of the two against each other, and runs
// kubeadm's own suite on both.
func TestPeerCluster(t *testing.T) {
	enabled(t)
	for _, name := range []string{"KEELWAY_KUBEADM", "KEELWAY_KUBEADM_SUITE"} {
		if os.Getenv(name) == "" {
			t.Skip(name + " does not name the real kubeadm's part; `make test` sets it")
		}
	}
	t.Setenv("HOME", t.TempDir()) // kubectl keeps notes there
	before := look(t)
	p, log := newPeer(t)
	theirs := seeCluster(t, func() {
		check(t, p.Remember(t.Context()))
		must(t, "up", "--profile", "kubeadm", "--until", "sysctl", "--kubeconfig", "none")
		opened, err := keelwaybundle.Open(t.Context(), bundle(t), prior.Dir+"/bundle")
		check(t, err)
		check(t, p.Place(func(name string) (string, error) {
			path, _, err := opened.Binary(name)
			return path, err
		}))
		if err := p.ControlPlane(t.Context(), "--upload-certs"); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	})
	ours := seeCluster(t, func() {
		must(t, "up", "--profile", "kubeadm", "--until", "sysctl", "--kubeconfig", "none")
		file, err := p.Configure()
		check(t, err)
		must(t, "init", "--config", file, "--upload-certs", "--bundle", bundle(t))
	})
	if left := difference(before, look(t)); len(left) > 0 {
		t.Errorf("after down the machine differs in %d ways:\n%s", len(left), strings.Join(left, "\n"))
	}
	t.Run("objects", func(t *testing.T) { compareObjects(t, theirs.objects, ours.objects) })
	t.Run("suite", func(t *testing.T) { compareSpecs(t, theirs.specs, ours.specs) })
}

// newPeer is the same cluster that both make: kubeadm's defaults, with what
// this machine needs. What its programs say goes to the buffer.
func newPeer(t *testing.T) (*peer.Peer, *bytes.Buffer) {
	t.Helper()
	here, err := local.New("")
	check(t, err)
	services, err := service.Detect(t.Context(), here, supervisor.Options{Command: []string{desired.SelfPath, "supervise"}})
	check(t, err)
	facts, err := observe.Facts(t.Context(), here)
	check(t, err)
	model, err := cluster.New(cluster.Options{
		Facts: facts, Now: time.Now(), Profile: cluster.Kubeadm, KeepTaint: true, Token: "abcdef.0123456789abcdef",
	})
	check(t, err)
	kubeadm, err := filepath.Abs(os.Getenv("KEELWAY_KUBEADM"))
	check(t, err)
	log := &bytes.Buffer{}
	return &peer.Peer{Kubeadm: kubeadm, Keelway: program(t), Host: here, Services: services, Model: model, Log: log, Work: t.TempDir()}, log
}

// seen is what was seen of one cluster.
type seen struct {
	objects map[string]object
	specs   map[string]string
}

// seeCluster makes a cluster, looks at it when it has come to rest, and removes it.
func seeCluster(t *testing.T, build func()) (s seen) {
	t.Helper()
	defer remove(t)
	build()
	waitFor(t, 2*time.Minute, "the cluster to come to rest", func() (bool, string) {
		out, err := adminKubectl(t, "wait", "--for=condition=Ready", "nodes,pods", "--all", "-A", "--timeout=60s")
		if err != nil || strings.Count(out, "coredns-") != 2 {
			return false, out
		}
		signed, err := adminKubectl(t, "get", "configmap", "cluster-info", "-n", "kube-public", "-o", "yaml")
		return err == nil && strings.Contains(signed, "jws-kubeconfig-abcdef"), signed
	})
	s.objects = objects(t)
	s.specs = runSuite(t)
	return s
}

// adminKubectl is kubectl as a kubeadm user has it.
func adminKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/kubectl", append([]string{"--kubeconfig", "/etc/kubernetes/admin.conf"}, args...)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil {
		return errOut.String(), err
	}
	return out.String(), nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
