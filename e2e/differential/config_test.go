package differential

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// TestConfig holds validate, migrate and the list of images against the peer
// for every case: the hand-picked and the generated. What Keelway alone refuses,
// by name, is ignored here; TestRefusals has it.
func TestConfig(t *testing.T) {
	keelway, kubeadm := peers(t)
	cases := append(picked(), generated(260, 1)...)
	if len(cases) < 300 {
		t.Errorf("%d cases, at least 300 are wanted", len(cases))
	}
	meant := differences(t, "config")
	var accepted atomic.Int32
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				says, ok := compareConfig(t, keelway, kubeadm, c.text, strings.NewReplacer())
				if ok {
					accepted.Add(1)
				}
				meant.judge(t, c.name, says, c.text)
			})
		}
	})
	t.Logf("%d configurations held side by side: %d accepted by kubeadm, %d refused", len(cases), accepted.Load(), int32(len(cases))-accepted.Load())
	meant.stale(t)
}

// compareConfig says the first difference of what the programs answer to a
// configuration, and whether the peer accepts it. Where its images have other
// tags than ours, they are replaced.
func compareConfig(t *testing.T, keelway, kubeadm, text string, tags *strings.Replacer) (says string, accepted bool) {
	t.Helper()
	path := file(t, text)
	ask := func(args ...string) (theirs, ours answer) {
		return run(t, kubeadm, args...), run(t, keelway, append(args, "--ignore-preflight-errors=all")...)
	}
	theirs, ours := ask("config", "validate", "--config", path)
	if theirs.ok != ours.ok {
		return fmt.Sprintf("validate: kubeadm's ok is %t, keelway's %t\nkubeadm: %skeelway: %s", theirs.ok, ours.ok, theirs.err, ours.err), theirs.ok
	}
	if !theirs.ok {
		return "", false
	}
	theirs, ours = ask("config", "migrate", "--old-config", path)
	if a, b := normal(text, theirs.out), normal(text, ours.out); a != b || theirs.ok != ours.ok {
		return "migrate:\n" + firstDifference(a, b) + "\n" + theirs.err + ours.err, true
	}
	if contains(text, "ClusterConfiguration") {
		theirs, ours = run(t, kubeadm, "config", "images", "list", "--config", path), run(t, keelway, "config", "images", "list", "--config", path)
		if theirs.out = tags.Replace(theirs.out); theirs.out != ours.out || theirs.ok != ours.ok {
			return "images list:\n" + firstDifference(theirs.out, ours.out) + "\n" + theirs.err + ours.err, true
		}
	}
	return "", true
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
