package differential

import (
	"bytes"
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
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// TestTrees has both write the files of a control plane by hand, phase by phase,
// and compares modes, owners, and contents; of keys the kind, of certificates
// the fields. Of the finished tree the table of certificates is compared, too.
func TestTrees(t *testing.T) {
	keelway, kubeadm := peers(t)
	rootOnly(t)
	meant := differences(t, "trees")
	var compared, refused atomic.Int32
	t.Run("cases", func(t *testing.T) {
		for _, c := range trees(t) {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				theirs, ours := writeTree(t, kubeadm, c), writeTree(t, keelway, c)
				if theirs.refused != "" && ours.refused != "" {
					refused.Add(1)
				} else {
					compared.Add(1)
				}
				says := theirs.differs(ours)
				meant.judge(t, c.name, says, c.text)
			})
		}
	})
	t.Logf("%d configurations held side by side: %d trees compared, %d refused by both", compared.Load()+refused.Load(), compared.Load(), refused.Load())
	if compared.Load() < 300 {
		t.Errorf("%d trees compared, at least 300 are wanted", compared.Load())
	}
	meant.stale(t)
}

// tree is what a program made of a case.
type tree struct {
	files map[string]string
	// expiry is the table of its certificates.
	expiry string
	// refused is the first phase that failed, and what it said; "" for none.
	refused string
}

// differs says the first difference of two programs' answers, "" for none. What
// they say of a refusal is their own.
func (theirs tree) differs(ours tree) string {
	switch {
	case theirs.refused != "" && ours.refused != "":
		return ""
	case theirs.refused != ours.refused:
		return "kubeadm: " + theirs.refused + "\nkeelway: " + ours.refused
	}
	if says := compareTrees(theirs.files, ours.files); says != "" {
		return says
	}
	if theirs.expiry != ours.expiry {
		return "certs check-expiration: " + firstDifference(theirs.expiry, ours.expiry)
	}
	return ""
}

// writeTree runs the phases in a folder of their own, and reads what is there then.
func writeTree(t *testing.T, program string, c treeSample) tree {
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
	// Parents that neither program owns, and the folder of patches that
	// generated configurations name.
	for _, dir := range []string{"/etc", "/var/lib", "/p"} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	text := c.text
	if c.patches {
		text = strings.Replace(text, "kind: InitConfiguration\n", "kind: InitConfiguration\npatches: {directory: /patches}\n", 1)
	}
	var file []string
	if text != "" {
		put("/config.yaml", text)
		file = []string{"--config", "/config.yaml"}
	}
	// Which of both makes this folder, and with which mode, is of no interest
	// where single phases are.
	if c.phases != nil && c.name != "manifests alone" {
		if err := os.MkdirAll(root+"/etc/kubernetes", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range c.before {
		put(path, text)
	}
	run := func(args []string) (string, error) {
		cmd := exec.Command(program, append(args, "--rootfs", root)...)
		cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, c.env...)
		var out, errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s%s", err, &out, &errOut)
		}
		return out.String(), nil
	}
	phases := c.phases
	if phases == nil {
		phases = filePhases()
	}
	for _, words := range phases {
		if path, ok := strings.CutPrefix(words, "remove "); ok {
			if err := os.Remove(root + path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := run(slices.Concat([]string{"init", "phase"}, strings.Fields(words), file)); err != nil {
			return tree{refused: fmt.Sprintf("%s: %v", words, err)}
		}
	}
	made := tree{files: readTree(t, root)}
	if c.phases == nil {
		out, err := run(slices.Concat([]string{"certs", "check-expiration", "-o", "json"}, file))
		made.expiry = fmt.Sprint(seconds.ReplaceAllString(dates.ReplaceAllString(out, "(date)"), "$1${2}x"), err == nil)
	}
	return made
}

var dates = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+Z`)

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
