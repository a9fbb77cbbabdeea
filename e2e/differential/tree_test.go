package differential

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// filePhases are the phases that write files, in the order of a walk by hand.
func filePhases() []string {
	return []string{"certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start"}
}

// treeSample is a configuration with files that are there before.
type treeSample struct {
	sample
	before map[string]string
	flags  []string
}

// betterTrees are the cases in which Keelway's tree differs, and why.
func betterTrees() []difference {
	return []difference{
		{"leaf without its key", "kubeadm goes on with a certificate whose key is lost, and the API server then fails; Keelway issues both anew"},
		{"IPv6 only", "the pod and the service range overlap; Keelway refuses them by name, and they can be ignored by it"},
		{"dual stack", "the same"},
		{"field twice", "kubeadm takes the last of two fields of a name with a warning; Keelway asks for one"},
	}
}

// trees are the cases: every configuration of the config test that both accept,
// and what only files can show.
func trees(t *testing.T) []treeSample {
	t.Helper()
	fast := "encryptionAlgorithm: ECDSA-P256\n"
	all := []treeSample{
		{sample: sample{"patches", cluster(fast)}, flags: []string{"patches"}, before: map[string]string{
			"/patches/kube-apiserver0.yaml":                "spec: {containers: [{name: kube-apiserver, env: [{name: A, value: b}]}]}\n",
			"/patches/kube-apiserver1+merge.yaml":          "metadata: {annotations: {a: b}}\n",
			"/patches/kube-scheduler+json.json":            `[{"op":"add","path":"/spec/containers/0/command/-","value":"--v=4"}]`,
			"/patches/etcd.json":                           `{"spec":{"priority":1}}`,
			"/patches/kubeletconfiguration+strategic.yaml": "maxPods: 55\nevictionHard: {memory.available: 1Gi}\n",
			"/patches/kube-controller-manager-last.yaml":   "metadata: {labels: {x: \"y\"}}\n---\nmetadata: {labels: {x: \"z\"}}\n",
			"/patches/nobody.yaml":                         "a: b\n", "/patches/README": "x",
		}},
		{sample: sample{"folders of CA certificates", cluster(fast)}, before: map[string]string{
			"/etc/pki/tls/certs/a": "", "/usr/share/ca-certificates/a": "", "/etc/ca-certificates/a": "",
		}},
		{sample: sample{"key pair there", cluster(fast)}, before: signer(t)},
		{sample: sample{"leaf without its key", cluster(fast)}, before: authority(t, "/etc/kubernetes/pki/", true)},
		{sample: sample{"authority that is none", cluster(fast)}, before: only(authority(t, "/etc/kubernetes/pki/", false), "ca.")},
		{sample: sample{"authority there", cluster(fast + "certificatesDir: /certs")}, before: only(authority(t, "/certs/", true), "ca.")},
		{sample: sample{"kubelet's document", cluster(fast) + kubeletDocument}},
		{sample: sample{"kube-proxy's document", cluster(fast) + proxyDocument}},
		{sample: sample{"external etcd without TLS", cluster(fast + "etcd: {external: {endpoints: [\"http://192.0.2.9:2379\"]}}")}},
		{sample: sample{"external etcd with TLS", cluster(fast + "etcd: {external: {endpoints: [\"https://192.0.2.9:2379\"], caFile: /e/ca.crt, certFile: /e/c/c.crt, keyFile: /k/c.key}}")}},
		{sample: sample{"dual stack apart", cluster(fast + "networking: {podSubnet: \"10.244.0.0/16,2001:db8:42::/56\", serviceSubnet: \"10.96.0.0/16,2001:db8:43::/112\"}")}},
		{sample: sample{"IPv6 only apart", cluster(fast+"networking: {podSubnet: \"2001:db8:42::/56\", serviceSubnet: \"2001:db8:43::/112\"}") + "localAPIEndpoint: {advertiseAddress: \"2001:db8::7\"}\n"}},
		{sample: sample{"RSA-2048, the default", cluster("")}},
		{sample: sample{"RSA-3072", cluster("encryptionAlgorithm: RSA-3072")}},
		{sample: sample{"cert-dir of the kubelet", v1beta4 + "kind: ClusterConfiguration\nkubernetesVersion: v1.37.0\n" + fast + "---\n" + initWith("nodeRegistration: {kubeletExtraArgs: [{name: cert-dir, value: /c}, {name: hostname-override, value: other}]}")}},
	}
	for _, s := range append(picked(), generated(80, 7)...) {
		if strings.Contains(s.text, "ClusterConfiguration") {
			s.text = faster(s.text)
			all = append(all, treeSample{sample: s})
		}
	}
	return all
}

// faster takes RSA out of cases that are not about keys: on two processors a
// key of 4,096 bits takes seconds.
func faster(text string) string {
	const version, fast = "kubernetesVersion: v1.37.0\n", "encryptionAlgorithm: ECDSA-P256"
	for _, slow := range []string{"RSA-2048", "RSA-3072", "RSA-4096"} {
		text = strings.Replace(text, "encryptionAlgorithm: "+slow, fast, 1)
	}
	if !strings.Contains(text, "encryptionAlgorithm") {
		text = strings.Replace(text, version, version+fast+"\n", 1)
	}
	return text
}

const (
	kubeletDocument = "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\ncgroupDriver: cgroupfs\nmaxPods: 77\nevictionHard: {nodefs.available: 1%}\nclusterDNS: [10.96.0.99]\n"
	proxyDocument   = "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n"
)

// TestTrees has both write the files of a control plane by hand, phase by phase,
// and compares modes, owners, and contents; of keys the kind, of certificates
// the fields.
func TestTrees(t *testing.T) {
	keelway, kubeadm := peers(t)
	if os.Getuid() != 0 {
		t.Skip("both programs change their root folder here, which only root may do")
	}
	cases := trees(t)
	var mu sync.Mutex
	compared, stale := 0, map[string]bool{}
	for _, d := range betterTrees() {
		stale[d.Case] = true
	}
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				theirs, theirErr := writeTree(t, kubeadm, c)
				if theirErr != "" && c.before == nil {
					return // the config test compares refusals
				}
				ours, ourErr := writeTree(t, keelway, c)
				says := ""
				switch {
				case (theirErr == "") != (ourErr == ""):
					says = fmt.Sprintf("kubeadm: %s\nkeelway: %s", theirErr, ourErr)
				case theirErr == "":
					says = compareTrees(theirs, ours)
				}
				mu.Lock()
				defer mu.Unlock()
				compared++
				meant := stale[c.name]
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
	t.Logf("%d trees compared", compared)
	if compared < 60 {
		t.Errorf("%d trees compared, at least 60 are wanted", compared)
	}
	for name := range stale {
		t.Errorf("no case is named %q: strike it from the list of differences", name)
	}
}

// writeTree runs the phases in a folder of their own, and reads what is there
// then. The error is the first phase's that failed.
func writeTree(t *testing.T, program string, c treeSample) (map[string]string, string) {
	t.Helper()
	root := t.TempDir()
	put := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Parents that neither program owns.
	for _, dir := range []string{"/etc", "/var/lib"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text := c.text
	if slices.Contains(c.flags, "patches") {
		text = strings.Replace(text, "kind: InitConfiguration\n", "kind: InitConfiguration\npatches: {directory: /patches}\n", 1)
	}
	put("/config.yaml", text)
	for path, text := range c.before {
		put(path, text)
	}
	for _, words := range filePhases() {
		args := append(append([]string{"init", "phase"}, strings.Fields(words)...), "--config", "/config.yaml", "--rootfs", root)
		cmd := exec.Command(program, args...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Sprintf("%s: %v: %s", words, err, out)
		}
	}
	return readTree(t, root), ""
}

// readTree is every file and folder by its path: type, mode, owner, content.
func readTree(t *testing.T, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		text := fmt.Sprintf("%s %d:%d", info.Mode(), owner.Uid, owner.Gid)
		if e.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += "\n" + masked(t, path, data)
		}
		tree[strings.TrimPrefix(path, root)] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// masked is a file's content without what is made anew each time.
func masked(t *testing.T, path string, data []byte) string {
	t.Helper()
	if strings.HasSuffix(path, ".conf") {
		c, err := clientcmd.Load(data)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, a := range c.AuthInfos {
			if len(a.ClientCertificateData) > 0 {
				text += masked(t, "", a.ClientCertificateData) + masked(t, "", a.ClientKeyData)
			}
		}
		return withoutData(text)
	}
	if block, _ := pem.Decode(data); block == nil {
		return string(data)
	}
	var b strings.Builder
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		b.WriteString(block.Type + "\n")
		if block.Type == "CERTIFICATE" {
			b.WriteString(fields509(t, block.Bytes))
		} else {
			b.WriteString(keyKind(block))
		}
	}
	return b.String()
}

// withoutData masks the embedded certificates and keys of a kubeconfig.
func withoutData(text string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		if name, _, ok := strings.Cut(line, "-data: "); ok {
			line = name + "-data: (masked)"
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

// fields509 are a certificate's fields but its serial and key.
func fields509(t *testing.T, der []byte) string {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	var extensions []string
	for _, e := range c.Extensions {
		extensions = append(extensions, fmt.Sprintf("%s critical=%t", e.Id, e.Critical))
	}
	var key string
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		key = fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		key = "ECDSA " + k.Params().Name
	}
	return fmt.Sprintf("subject %s issuer %s ca %t path %d usage %b %v dns %q ip %v key %s signature %s left %s begun %t\n%s\n",
		c.Subject, c.Issuer, c.IsCA, c.MaxPathLen, c.KeyUsage, c.ExtKeyUsage, c.DNSNames, c.IPAddresses, key, c.SignatureAlgorithm,
		time.Until(c.NotAfter).Round(time.Hour), c.NotBefore.Before(time.Now().Add(-4*time.Minute)), strings.Join(extensions, ", "))
}

func keyKind(block *pem.Block) string {
	switch block.Type {
	case "RSA PRIVATE KEY":
		if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return fmt.Sprintf("RSA %d\n", k.N.BitLen())
		}
	case "EC PRIVATE KEY":
		if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return "ECDSA " + k.Params().Name + "\n"
		}
	}
	return "\n"
}

// compareTrees says the first difference of two trees, "" for none.
func compareTrees(theirs, ours map[string]string) string {
	paths := slices.Sorted(maps.Keys(theirs))
	for p := range ours {
		if _, ok := theirs[p]; !ok {
			return "keelway alone writes " + p
		}
	}
	for _, p := range paths {
		have, ok := ours[p]
		switch {
		case !ok:
			return "keelway does not write " + p
		case have != theirs[p]:
			return p + ":\n" + firstDifference(theirs[p], have)
		}
	}
	return ""
}
