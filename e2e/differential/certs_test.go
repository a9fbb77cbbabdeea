package differential

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// controlPlane has the peer write the certificates and kubeconfig files of a
// control plane in a folder, with its configuration in /config.yaml.
func controlPlane(t *testing.T, kubeadm, text string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/config.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"certs", "kubeconfig"} {
		if a := run(t, kubeadm, "init", "phase", phase, "all", "--config", "/config.yaml", "--rootfs", root); !a.ok {
			t.Fatalf("kubeadm init phase %s: %s", phase, a.err)
		}
	}
	return root
}

// copied is a copy of a folder, for each program one.
func copied(t *testing.T, root string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	// CopyFS knows no modes but 0666 and 0777.
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return os.Chmod(to+strings.TrimPrefix(path, root), info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func rootOnly(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("both programs change their root folder here, which only root may do")
	}
}

// certConfigs are the configurations whose certificates are compared.
func certConfigs() []sample {
	node := "nodeRegistration: {name: n1}\nlocalAPIEndpoint: {advertiseAddress: %s, bindPort: 7443}\n"
	both := func(address, text string) string {
		return v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + text + "---\n" + initWith(fmt.Sprintf(node, address))
	}
	return []sample{
		{"names", both("192.0.2.7", "encryptionAlgorithm: ECDSA-P256\napiServer: {certSANs: [B.example, a.example, 192.0.2.9]}\ncontrolPlaneEndpoint: api.example:8443\n")},
		{"RSA and validity", both("192.0.2.7", "encryptionAlgorithm: RSA-2048\ncertificateValidityPeriod: 100h\n")},
		{"IPv6 and another folder", both("2001:db8::7", "encryptionAlgorithm: ECDSA-P384\nnetworking: {serviceSubnet: \"fd00:10::/112\"}\nclusterName: mine\n")},
		{"external etcd", both("192.0.2.7", "encryptionAlgorithm: ECDSA-P256\netcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /e/ca.crt, certFile: /e/c.crt, keyFile: /e/c.key}}\n")},
	}
}

// seconds are those that pass between two runs.
var seconds = regexp.MustCompile(`(?m)("residualTime": |residualTime: )(\d*?)\d{1,4}\b`)

// TestCheckExpiration compares the tables and kinds.
func TestCheckExpiration(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	for _, c := range certConfigs() {
		whole := controlPlane(t, kubeadm, c.text)
		root := whole
		remove := func(names ...string) func() {
			return func() {
				for _, n := range names {
					if err := os.Remove(root + "/etc/kubernetes/" + n); err != nil && !strings.Contains(n, "etcd") {
						t.Fatal(err)
					}
				}
			}
		}
		for _, state := range []struct {
			name   string
			change func()
		}{
			{"whole", func() {}},
			{"some missing", remove("super-admin.conf", "pki/front-proxy-client.crt", "pki/etcd/peer.crt")},
			{"external", remove("pki/ca.key", "pki/etcd/ca.key")},
		} {
			// kubeadm ends with an error where a certificate is missing and its
			// authority external; ours prints the table.
			root = copied(t, whole)
			state.change()
			for _, format := range []string{"text", "json", "yaml", `jsonpath={range .certificates[*]}{.name} {.missing} {.caName}{"\n"}{end}`} {
				args := []string{"certs", "check-expiration", "--config", "/config.yaml", "--rootfs", root, "--output", format}
				theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...)
				a, b := seconds.ReplaceAllString(theirs.out, "$1${2}x"), seconds.ReplaceAllString(ours.out, "$1${2}x")
				if theirs.ok != ours.ok || a != b {
					t.Errorf("%s, %s, %s: ok %t and %t\n%s\n%s%s", c.name, state.name, format, theirs.ok, ours.ok, firstDifference(a, b), theirs.err, ours.err)
				}
				if format == "text" && strings.Contains(ours.err, "not as configured") {
					t.Errorf("%s: what kubeadm has just written is told as a change: %s", c.name, ours.err)
				}
			}
		}
	}
}

// TestRenew compares what is written and said, and that every certificate is new.
func TestRenew(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	for _, c := range certConfigs() {
		for _, name := range []string{"all", "apiserver", "front-proxy-client", "admin.conf", "external"} {
			theirRoot := controlPlane(t, kubeadm, c.text)
			if name == "external" {
				_ = os.Remove(theirRoot + "/etc/kubernetes/pki/front-proxy-ca.key")
			}
			ourRoot := copied(t, theirRoot)
			before := contents(t, ourRoot)
			words := strings.Replace(name, "external", "all", 1)
			args := []string{"certs", "renew", words, "--config", "/config.yaml", "--rootfs"}
			theirs, ours := run(t, kubeadm, append(args, theirRoot)...), run(t, keelway, append(args, ourRoot)...)
			if !theirs.ok || !ours.ok || theirs.out != ours.out {
				t.Errorf("%s, %s: ok %t and %t\n%s\n%s%s", c.name, name, theirs.ok, ours.ok, firstDifference(theirs.out, ours.out), theirs.err, ours.err)
				continue
			}
			a, b := readTree(t, theirRoot), readTree(t, ourRoot)
			backups := 0
			for p := range b {
				if strings.HasPrefix(p, "/var") {
					delete(b, p) // ours keeps what was replaced
					backups++
				}
			}
			if backups == 0 {
				t.Errorf("%s, %s: nothing was backed up", c.name, name)
			}
			delete(a, "")
			delete(b, "")
			if says := compareTrees(a, b); says != "" {
				t.Errorf("%s, %s: %s", c.name, name, says)
			}
			changed, kubeadmChanged := 0, 0
			after, theirAfter := contents(t, ourRoot), contents(t, theirRoot)
			for p, was := range before {
				if after[p] != was {
					changed++
				}
				if theirAfter[p] != was {
					kubeadmChanged++
				}
			}
			if changed != kubeadmChanged || changed == 0 {
				t.Errorf("%s, %s: %d files changed, %d by kubeadm", c.name, name, changed, kubeadmChanged)
			}
		}
	}
}

// contents are all files below a folder, by path.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, root)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestChangedConfiguration shows that the peer keeps a certificate that is not
// as configured in silence, and that renewal does not apply it; ours tells, and
// the command that it names applies it.
func TestChangedConfiguration(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	first := certConfigs()[0].text
	for _, c := range []struct{ name, from, to, tells, command string }{
		{"name", "a.example", "new.example", "it does not name new.example", "apiserver"},
		{"endpoint", "api.example:8443", "lb.example:9443", "it calls https://api.example:8443, configured is https://lb.example:9443", "admin.conf"},
		{"algorithm", "ECDSA-P256", "ECDSA-P384", "its key is ECDSA-P256, configured is ECDSA-P384", "apiserver"},
		{"validity", "encryptionAlgorithm", "certificateValidityPeriod: 200h\nencryptionAlgorithm", "it was issued for 8760h, configured is 200h", "apiserver"},
	} {
		root := controlPlane(t, kubeadm, first)
		if err := os.WriteFile(root+"/config.yaml", []byte(strings.Replace(first, c.from, c.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		check := []string{"certs", "check-expiration", "--config", "/config.yaml", "--rootfs", root}
		if theirs := run(t, kubeadm, check...); strings.Contains(theirs.err+theirs.out, "configured") {
			t.Errorf("%s: kubeadm tells it too: %s", c.name, theirs.err)
		}
		line := "not as configured: " + c.command + ": " + c.tells + "; `keelway certs renew " + c.command + " --config /config.yaml` applies it"
		if ours := run(t, keelway, check...); !ours.ok || !strings.Contains(ours.err, line) {
			t.Errorf("%s: want %q in\n%s", c.name, line, ours.err)
		}
		if a := run(t, keelway, "certs", "renew", c.command, "--config", "/config.yaml", "--rootfs", root); !a.ok {
			t.Errorf("%s: %s", c.name, a.err)
		}
		if ours := run(t, keelway, check...); strings.Contains(ours.err, line) {
			t.Errorf("%s: the command was run and has not applied it: %s", c.name, ours.err)
		}
	}
}

// TestRefusedRenewal: one certificate that cannot be renewed is no success.
func TestRefusedRenewal(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	root := controlPlane(t, kubeadm, certConfigs()[0].text)
	for _, p := range []string{"ca.key", "front-proxy-client.crt"} {
		if err := os.Remove(root + "/etc/kubernetes/pki/" + p); err != nil {
			t.Fatal(err)
		}
	}
	for name, word := range map[string]string{"apiserver": "generate-csr", "front-proxy-client": "init phase"} {
		args := []string{"certs", "renew", name, "--config", "/config.yaml", "--rootfs", root}
		theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...)
		if theirs.out != ours.out || !theirs.ok || ours.ok || !strings.Contains(ours.err, word) {
			t.Errorf("%s: ok %t and %t\n%s\n%s", name, theirs.ok, ours.ok, firstDifference(theirs.out, ours.out), ours.err)
		}
	}
}

// TestGenerateCSR compares trees and requests field by field. Two things are
// better: kubelet.conf calls the local API server, as init would have it; and
// nothing is made for an API server's own etcd where etcd is external.
func TestGenerateCSR(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	for _, c := range certConfigs() {
		if c.name == "external etcd" {
			continue
		}
		var outs []string
		var trees []map[string]string
		for _, program := range []string{kubeadm, keelway} {
			root := t.TempDir()
			if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(root+"/config.yaml", []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"certs", "generate-csr", "--config", "/config.yaml", "--rootfs", root, "--kubeconfig-dir", "/conf"}
			a := run(t, program, args...)
			if !a.ok {
				t.Fatalf("%s: %s", c.name, a.err)
			}
			// kubeadm takes its certificates in the order of a map.
			lines := strings.Split(a.out, "\n")
			slices.Sort(lines)
			outs = append(outs, strings.Join(lines, "\n"))
			tree := readTree(t, root)
			delete(tree, "")
			tree["/conf/kubelet.conf"] = serverLine.ReplaceAllString(tree["/conf/kubelet.conf"], "server: (either)")
			for p, text := range contents(t, root) {
				if strings.HasSuffix(p, ".csr") {
					tree[p] += request(t, text)
				}
			}
			trees = append(trees, tree)
			if again := run(t, program, args...); again.ok {
				t.Errorf("%s: a second run overwrites keys", c.name)
			}
		}
		if outs[0] != outs[1] {
			t.Errorf("%s: %s", c.name, firstDifference(outs[0], outs[1]))
		}
		if says := compareTrees(trees[0], trees[1]); says != "" {
			t.Errorf("%s: %s", c.name, says)
		}
	}
}

var serverLine = regexp.MustCompile(`server: \S+`)

func request(t *testing.T, text string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("a request is not PEM")
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || r.CheckSignature() != nil {
		t.Fatalf("a request cannot be used: %v", err)
	}
	return fmt.Sprintf("%s %s %q %v %s", block.Type, r.Subject, r.DNSNames, r.IPAddresses, r.SignatureAlgorithm)
}

// TestKubeconfigUser compares the file field by field.
func TestKubeconfigUser(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	rootOnly(t)
	for _, c := range certConfigs() {
		root := controlPlane(t, kubeadm, c.text)
		for _, flags := range [][]string{
			{"--client-name=ada"},
			{"--client-name=ada", "--org", "b,a", "--org=c"},
			{"--client-name=ada", "--validity-period=48h"},
			{"--client-name=ada", "--validity-period=20000h"},
			{"--client-name=ada", "--token=abc"},
			{},
		} {
			args := append([]string{"kubeconfig", "user", "--config", "/config.yaml", "--rootfs", root}, flags...)
			theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...)
			if theirs.ok != ours.ok {
				t.Errorf("%s, %v: ok %t and %t: %s%s", c.name, flags, theirs.ok, ours.ok, theirs.err, ours.err)
				continue
			}
			if !theirs.ok {
				continue
			}
			if strings.Contains(theirs.err, "validity period") != strings.Contains(ours.err, "warning") {
				t.Errorf("%s, %v: one of both warns: %s%s", c.name, flags, theirs.err, ours.err)
			}
			a, b := masked(t, "x.conf", []byte(theirs.out)), masked(t, "x.conf", []byte(ours.out))
			if a != b {
				t.Errorf("%s, %v: %s", c.name, flags, firstDifference(a, b))
			}
			if loaded, err := clientcmd.Load([]byte(ours.out)); err != nil || len(loaded.Contexts) != 1 {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		args := []string{"kubeconfig", "user", "--config", "/config.yaml", "--rootfs", root, "--client-name=ada", "--validity-period=-1h"}
		if theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...); !theirs.ok || ours.ok {
			t.Errorf("a validity in the past: kubeadm makes a useless file, ours does not: %t %t", theirs.ok, ours.ok)
		}
	}
}

// TestFastRefusals: bad input fails in milliseconds, with one line.
func TestFastRefusals(t *testing.T) {
	keelway, _ := peers(t)
	for _, args := range [][]string{
		{"token", "create", "abcdef"}, {"token", "create", "ABCDEF.0123456789abcdef"}, {"token", "delete", "abc"}, {"token", "delete"},
		{"token", "create", "--usages", "nothing"}, {"token", "create", "--groups", "admins"}, {"token", "create", "--ttl=-1s"},
		{"token", "create", "--certificate-key", "00"}, {"token", "list", "-o", "xml"}, {"token", "list", "--kubeconfig", "/nowhere"},
		{"certs", "renew"}, {"certs", "renew", "nothing"}, {"certs", "renew", "all", "--config", "/nowhere"}, {"certs", "check-expiration", "-o", "xml"},
		{"kubeconfig", "user"}, {"kubeconfig", "user", "--client-name", "a", "--validity-period", "-1h"},
	} {
		began := time.Now()
		a := run(t, keelway, args...)
		if took := time.Since(began); a.ok || took > time.Second || strings.Count(a.err, "\n") != 1 || !strings.HasPrefix(a.err, "error: ") {
			t.Errorf("%v: ok %t after %v: %s", args, a.ok, took, a.err)
		}
	}
}
