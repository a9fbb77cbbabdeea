package differential

import (
	"fmt"
	"sync"
	"testing"
)

// better are the cases in which Keelway answers otherwise, and why.
func better() []difference {
	return []difference{
		{"v1.35", "Keelway installs Kubernetes 1.35 too; kubeadm 1.37 refuses all below 1.36"},
		{"v1beta3", "Keelway reads v1beta3 and migrates it; kubeadm 1.37 has dropped it, and tells users to get kubeadm 1.36"},
		{"v1beta3 join", "as above"},
		{"empty documents", "Keelway skips a document of blanks and comments only; kubeadm refuses it for its missing kind"},
	}
}

// TestConfig holds validate and migrate against the peer for every case: the
// hand-picked and the generated. What Keelway alone refuses, by name, is
// ignored here; TestRefusals has it.
func TestConfig(t *testing.T) {
	keelway, kubeadm := peers(t)
	cases := append(picked(), generated(260, 1)...)
	if len(cases) < 300 {
		t.Errorf("%d cases, at least 300 are wanted", len(cases))
	}
	var mu sync.Mutex
	stale := map[string]string{}
	for _, d := range better() {
		stale[d.Case] = d.Why
	}
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				path := file(t, c.text)
				says := ""
				theirs, ours := run(t, kubeadm, "config", "validate", "--config", path), run(t, keelway, "config", "validate", "--config", path, "--ignore-preflight-errors=all")
				switch {
				case theirs.ok != ours.ok:
					says = fmt.Sprintf("validate: kubeadm's ok is %t, keelway's %t\nkubeadm: %skeelway: %s", theirs.ok, ours.ok, theirs.err, ours.err)
				case theirs.ok:
					theirs, ours = run(t, kubeadm, "config", "migrate", "--old-config", path), run(t, keelway, "config", "migrate", "--old-config", path, "--ignore-preflight-errors=all")
					if a, b := normal(c.text, theirs.out), normal(c.text, ours.out); a != b {
						says = "migrate:\n" + firstDifference(a, b) + "\n" + theirs.err + ours.err
					}
				}
				mu.Lock()
				defer mu.Unlock()
				_, meant := stale[c.name]
				delete(stale, c.name)
				if says != "" && !meant {
					t.Errorf("%s\n%s", says, c.text)
				}
				if says == "" && meant {
					t.Errorf("both agree: strike it from the list of differences")
				}
			})
		}
	})
	for name := range stale {
		t.Errorf("no case is named %q: strike it from the list of differences", name)
	}
}

// TestRefusals shows what kubeadm lets pass and breaks clusters.
func TestRefusals(t *testing.T) {
	keelway, kubeadm := peers(t)
	for _, c := range []struct{ name, text string }{
		{"RangesOverlap", cluster("networking: {podSubnet: 10.96.0.0/16}")},
		{"CertificateValidity", cluster("certificateValidityPeriod: -1h")},
		{"CertificateValidity", cluster("caCertificateValidityPeriod: 1h\ncertificateValidityPeriod: 2h")},
		{"CACertHash", join("caCertHashes: [\"sha256:1234\"]")},
	} {
		path := file(t, c.text)
		if theirs := run(t, kubeadm, "config", "validate", "--config", path); !theirs.ok {
			t.Errorf("%s: kubeadm refuses it too: %s", c.name, theirs.err)
		}
		ours := run(t, keelway, "config", "validate", "--config", path)
		if ours.ok || !contains(ours.err, "["+c.name+"]") || !contains(ours.err, path+":") {
			t.Errorf("%s: ok is %t, want a refusal with the name and the line: %s", c.name, ours.ok, ours.err)
		}
		if ignored := run(t, keelway, "config", "validate", "--config", path, "--ignore-preflight-errors="+c.name); !ignored.ok {
			t.Errorf("%s cannot be ignored: %s", c.name, ignored.err)
		}
	}
}

// TestPrint holds the printed defaults and image lists against the peer's.
func TestPrint(t *testing.T) {
	keelway, kubeadm := peers(t)
	for _, args := range [][]string{
		{"config", "print", "init-defaults"},
		{"config", "print", "init-defaults", "--component-configs", "KubeletConfiguration"},
		{"config", "print", "init-defaults", "--component-configs", "KubeProxyConfiguration,KubeletConfiguration"},
		{"config", "print", "join-defaults"},
		{"config", "print", "reset-defaults"},
		{"config", "print", "upgrade-defaults"},
		{"config", "images", "list", "--kubernetes-version", "v1.37.0"},
		{"config", "images", "list", "--kubernetes-version", "v1.37.0", "--output", "json"},
		{"config", "images", "list", "--kubernetes-version", "v1.36.3", "-o", "yaml"},
		{"config", "images", "list", "--kubernetes-version", "v1.37.0", "--image-repository", "registry.example:5000/k8s"},
		{"config", "images", "list", "--config", file(t, cluster("dns: {imageRepository: dns.example, imageTag: v1}\netcd: {local: {imageRepository: etcd.example}}"))},
		{"config", "images", "list", "--config", file(t, cluster("dns: {disabled: true}\nproxy: {disabled: true}\netcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}}"))},
	} {
		theirs, ours := run(t, kubeadm, args...), run(t, keelway, args...)
		if theirs.ok != ours.ok || theirs.out != ours.out {
			t.Errorf("%v: ok %t and %t\n%s\n%s%s", args, theirs.ok, ours.ok, firstDifference(theirs.out, ours.out), theirs.err, ours.err)
		}
	}
}
