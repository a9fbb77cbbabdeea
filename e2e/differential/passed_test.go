package differential

import (
	"maps"
	"os"
	"strings"
	"testing"
)

// TestLetPass shows what the peer lets pass though no cluster can work with it:
// Keelway refuses it by name before anything is written, and lets it pass where
// that name is given.
func TestLetPass(t *testing.T) {
	keelway, kubeadm := peers(t)
	rootOnly(t)
	const fast = "encryptionAlgorithm: ECDSA-P256\n"
	validate := []string{"config", "validate"}
	certs := []string{"init", "phase", "certs", "all"}
	for _, c := range []struct {
		name, check, text string
		// before prepares a folder; nil leaves it empty.
		before   func(t *testing.T) string
		commands [][]string
	}{
		{"overlapping ranges", "RangesOverlap", cluster(fast + "networking: {podSubnet: 10.96.0.0/16}"), nil, [][]string{validate, certs, {"init", "phase", "control-plane", "all"}}},
		{"negative validity", "CertificateValidity", cluster(fast + "certificateValidityPeriod: -1h"), nil, [][]string{validate, certs}},
		{"a leaf longer than its CA", "CertificateValidity", cluster(fast + "certificateValidityPeriod: 9000h\ncaCertificateValidityPeriod: 8000h"), nil, [][]string{validate, certs}},
		{"malformed pin", "CACertHash", join(`caCertHashes: ["sha256:abc"]`), nil, [][]string{validate}},
		{"pin of another hash", "CACertHash", join(`caCertHashes: ["md5:0123456789abcdef0123456789abcdef"]`), nil, [][]string{validate}},
		{"an authority that is none", "CertificateAuthority", cluster(fast), func(t *testing.T) string {
			root := t.TempDir()
			if err := os.MkdirAll(root+"/etc/kubernetes/pki", 0o755); err != nil {
				t.Fatal(err)
			}
			for path, text := range only(authority(t, "/etc/kubernetes/pki/", false), "ca.") {
				if err := os.WriteFile(root+path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return root
		}, [][]string{{"init", "phase", "certs", "ca"}}},
	} {
		for _, command := range c.commands {
			where := c.name + ", " + strings.Join(command, " ")
			root := t.TempDir()
			if c.before != nil {
				root = c.before(t)
			}
			if err := os.MkdirAll(root+"/etc", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(root+"/config.yaml", []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			theirRoot := copied(t, root)
			arguments := func(root string) []string {
				if command[0] == "config" {
					return append(command[:len(command):len(command)], "--config", root+"/config.yaml")
				}
				return append(command[:len(command):len(command)], "--config", "/config.yaml", "--rootfs", root)
			}
			if theirs := run(t, kubeadm, arguments(theirRoot)...); !theirs.ok {
				t.Errorf("%s: kubeadm refuses it too: %s", where, theirs.err)
			}
			before := readTree(t, root)
			ours := run(t, keelway, arguments(root)...)
			if ours.ok || !strings.Contains(ours.err, "["+c.check+"]") {
				t.Errorf("%s: ok %t, want [%s] in\n%s%s", where, ours.ok, c.check, ours.out, ours.err)
			}
			if after := readTree(t, root); !maps.Equal(before, after) {
				t.Errorf("%s: it was refused, but not before something was written: %s", where, compareTrees(before, after))
			}
			passed := run(t, keelway, append(arguments(root), "--ignore-preflight-errors", strings.ToLower(c.check))...)
			if !passed.ok {
				t.Errorf("%s: it does not pass by its name: %s%s", where, passed.out, passed.err)
			}
		}
	}
}

// TestMissingKey takes a certificate's key away. The peer goes on without it,
// and the API server does not start; ours issues both anew and tells it, keeps
// what is there where the check is ignored, and refuses by name what only the
// owner of an external CA can mend.
func TestMissingKey(t *testing.T) {
	keelway, kubeadm := peers(t)
	rootOnly(t)
	const key = "/etc/kubernetes/pki/apiserver-kubelet-client.key"
	whole := controlPlane(t, kubeadm, certConfigs()[0].text)
	if err := os.Remove(whole + key); err != nil {
		t.Fatal(err)
	}
	there := func(root string) bool {
		_, err := os.Stat(root + key)
		return err == nil
	}
	args := []string{"init", "phase", "certs", "apiserver-kubelet-client", "--config", "/config.yaml", "--rootfs"}
	root := copied(t, whole)
	if a := run(t, kubeadm, append(args, root)...); !a.ok || there(root) {
		t.Errorf("kubeadm does not let it pass: %t %s", a.ok, a.err)
	}
	root = copied(t, whole)
	if a := run(t, keelway, append(args, root, "--ignore-preflight-errors", "CertificateKey")...); !a.ok || there(root) {
		t.Errorf("it does not pass by its name: %t %s%s", a.ok, a.out, a.err)
	}
	if a := run(t, keelway, append(args, root)...); !a.ok || !there(root) || !strings.Contains(a.out, "there is no private key: a new one is issued") {
		t.Errorf("ok %t: %s%s", a.ok, a.out, a.err)
	}
	root = copied(t, whole)
	if err := os.Remove(root + "/etc/kubernetes/pki/ca.key"); err != nil {
		t.Fatal(err)
	}
	before := readTree(t, root)
	if a := run(t, keelway, append(args, root)...); a.ok || !strings.Contains(a.err, "[CertificateKey]") {
		t.Errorf("external CA: ok %t, %s%s", a.ok, a.out, a.err)
	}
	if after := readTree(t, root); !maps.Equal(before, after) {
		t.Errorf("external CA: something was written: %s", compareTrees(before, after))
	}
}

// TestIgnoredInFile: the configuration's own list of ignored checks counts too.
func TestIgnoredInFile(t *testing.T) {
	keelway, _ := peers(t)
	text := v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\nnetworking: {podSubnet: 10.96.0.0/16}\n---\n" + initWith("nodeRegistration: {ignorePreflightErrors: [rangesoverlap]}")
	if a := run(t, keelway, "config", "validate", "--config", file(t, text)); !a.ok || !strings.Contains(a.err, "warning: ") {
		t.Errorf("ok %t: %s", a.ok, a.err)
	}
}
