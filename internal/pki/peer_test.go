package pki

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKubeadmAccepts gives all files to the real kubeadm, which must take each
// as it is, list its expiry and renew it. KEELWAY_KUBEADM is the path of its
// binary (compat/ builds it).
func TestKubeadmAccepts(t *testing.T) {
	kubeadm := os.Getenv("KEELWAY_KUBEADM")
	if kubeadm == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm, which compat/ builds")
	}
	for name, in := range kubeadmCases() {
		t.Run(name, func(t *testing.T) {
			// kubeadm looks at its own clock.
			now := time.Now()
			dir := t.TempDir()
			in.Dir, in.ConfDir = filepath.Join(dir, "pki"), dir
			configs := Kubeconfigs(in)
			writeSet(t, now, in)
			config := peerConfig(t, name, in.Dir)

			out := runPeer(t, kubeadm, "init", "phase", "certs", "all", "--config", config)
			if n := strings.Count(out, "Using existing") + strings.Count(out, "Using the existing"); n != len(Table(in))+1 || strings.Contains(out, "Generating") || strings.Contains(out, "WARNING: could not") {
				t.Errorf("kubeadm kept %d of %d:\n%s", n, len(Table(in))+1, out)
			}
			out = runPeer(t, kubeadm, "init", "phase", "kubeconfig", "all", "--config", config, "--kubeconfig-dir", dir)
			if n := strings.Count(out, "Using existing kubeconfig file"); n != len(configs) || strings.Contains(out, "unexpected API Server URL") {
				t.Errorf("kubeadm kept %d of %d kubeconfigs:\n%s", n, len(configs), out)
			}
			runPeer(t, kubeadm, "certs", "renew", "apiserver", "--config", config)
			ca := readCert(t, filepath.Join(in.Dir, "ca.crt"))
			cert, err := os.ReadFile(filepath.Join(in.Dir, "apiserver.crt"))
			if err != nil {
				t.Fatal(err)
			}
			key, err := os.ReadFile(filepath.Join(in.Dir, "apiserver.key"))
			if err != nil {
				t.Fatal(err)
			}
			if found := Check(cert, key, find(t, Table(in), "apiserver"), ca, time.Now()); len(found) != 0 {
				t.Errorf("the certificate that kubeadm renewed has problems: %v", found)
			}
		})
	}
}

func writeSet(t *testing.T, now time.Time, in Input) {
	t.Helper()
	pairs := issueAll(t, now, Table(in))
	for _, s := range Table(in) {
		writeFile(t, s.CertPath(), pairs[s.Base].CertPEM)
		writeFile(t, s.KeyPath(), pairs[s.Base].KeyPEM)
	}
	for _, k := range Kubeconfigs(in) {
		data, err := IssueKubeconfig(rand.Reader, now, k, pairs["ca"])
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, k.Path, data)
	}
	private, public, err := IssueKeypair(rand.Reader, in.Algorithm)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(in.Dir, "sa.key"), private)
	writeFile(t, filepath.Join(in.Dir, "sa.pub"), public)
}

// peerConfig returns a copy of the case's kubeadm config with its PKI in dir.
func peerConfig(t *testing.T, name, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "kubeadm-v1.37.0", name, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, file, append(data, "\ncertificatesDir: "+dir+"\n"...))
	return file
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func runPeer(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
