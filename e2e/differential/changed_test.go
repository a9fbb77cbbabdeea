package differential

import (
	"os"
	"strings"
	"testing"
)

// TestChangedInit runs init's phases again with a changed configuration. The
// peer keeps what is there, and says nothing of the difference. Ours issues anew
// what clients would refuse, and tells what else differs with the command that
// applies it.
func TestChangedInit(t *testing.T) {
	keelway, kubeadm := peers(t)
	rootOnly(t)
	first := certConfigs()[0].text
	for _, c := range []struct {
		name, from, to string
		phase, file    string
		// tells is what ours says; fresh is true where it has issued a new one.
		tells string
		fresh bool
		// command applies it otherwise.
		command string
	}{
		{"name", "a.example", "new.example", "certs apiserver", "pki/apiserver.crt", "it does not name new.example: a new one is issued", true, ""},
		{"name that is not wanted any more", "a.example, ", "", "certs apiserver", "pki/apiserver.crt",
			"it also names a.example, which is not configured; renewal keeps it, a new one is issued when /etc/kubernetes/pki/apiserver.crt and its key are moved away", false, ""},
		{"endpoint, in the certificate", "api.example:8443", "lb.example:9443", "certs apiserver", "pki/apiserver.crt", "it does not name lb.example: a new one is issued", true, ""},
		{"endpoint, in a kubeconfig", "api.example:8443", "lb.example:9443", "kubeconfig admin", "admin.conf",
			"it calls https://api.example:8443, the configuration says https://lb.example:9443: a new one is issued", true, ""},
		{"algorithm", "ECDSA-P256", "ECDSA-P384", "certs etcd-server", "pki/etcd/server.crt", "its key is ECDSA-P256, configured is ECDSA-P384", false, "etcd-server"},
		{"algorithm of a kubeconfig", "ECDSA-P256", "ECDSA-P384", "kubeconfig scheduler", "scheduler.conf", "its key is ECDSA-P256, configured is ECDSA-P384", false, "scheduler.conf"},
		{"validity", "encryptionAlgorithm", "certificateValidityPeriod: 200h\nencryptionAlgorithm", "certs front-proxy-client", "pki/front-proxy-client.crt",
			"it was issued for 8760h, configured is 200h", false, "front-proxy-client"},
		{"algorithm of an authority", "ECDSA-P256", "ECDSA-P384", "certs ca", "pki/ca.crt",
			"its key is ECDSA-P256, configured is ECDSA-P384; an authority is kept, because everything that it has signed would be refused with another", false, ""},
	} {
		root := controlPlane(t, kubeadm, first)
		if err := os.WriteFile(root+"/config.yaml", []byte(strings.Replace(first, c.from, c.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		theirRoot := copied(t, root)
		phase := append([]string{"init", "phase"}, strings.Fields(c.phase)...)
		phase = append(phase, "--config", "/config.yaml", "--rootfs")
		read := func(root string) string {
			data, err := os.ReadFile(root + "/etc/kubernetes/" + c.file)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		was := read(root)
		theirs := run(t, kubeadm, append(phase, theirRoot)...)
		silent := theirs.ok && read(theirRoot) == was && !strings.Contains(theirs.out+theirs.err, "configured")
		// Of a kubeconfig's server kubeadm says that it differs, and keeps it.
		if !silent && c.phase != "kubeconfig admin" {
			t.Errorf("%s: kubeadm does not keep it in silence: ok %t\n%s%s", c.name, theirs.ok, theirs.out, theirs.err)
		}
		ours := run(t, keelway, append(phase, root)...)
		line := c.tells
		if c.command != "" {
			line += "; `keelway certs renew " + c.command + " --config /config.yaml` applies it"
		}
		if !ours.ok || !strings.Contains(ours.out, line) {
			t.Errorf("%s: ok %t, want %q in\n%s%s", c.name, ours.ok, line, ours.out, ours.err)
		}
		if fresh := read(root) != was; fresh != c.fresh {
			t.Errorf("%s: a new one was issued: %t", c.name, fresh)
		}
		if c.command != "" {
			if a := run(t, keelway, "certs", "renew", c.command, "--config", "/config.yaml", "--rootfs", root); !a.ok {
				t.Errorf("%s: %s", c.name, a.err)
			}
		}
		again := run(t, keelway, append(phase, root)...)
		if applied := c.fresh || c.command != ""; applied && strings.Contains(again.out, c.tells) {
			t.Errorf("%s: it is told again after it was applied:\n%s", c.name, again.out)
		}
	}
}
