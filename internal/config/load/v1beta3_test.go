package load

import (
	"slices"
	"strings"
	"testing"
)

// TestNewerFields: what v1beta3 does not know is told, refused when strict, and
// does not count.
func TestNewerFields(t *testing.T) {
	const text = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
encryptionAlgorithm: ECDSA-P256
dns:
  disabled: true
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: InitConfiguration
timeouts: {discovery: 1m}
`
	set, err := Read("f", []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, w := range set.Warnings {
		told = append(told, w.String())
	}
	slices.Sort(told)
	want := []string{
		"f:3: ClusterConfiguration encryptionAlgorithm: there is no such field in v1beta3; v1beta4 has it",
		"f:5: ClusterConfiguration dns.disabled: there is no such field in v1beta3; v1beta4 has it",
		"f:9: InitConfiguration timeouts: there is no such field in v1beta3; v1beta4 has it",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
	if set.Cluster.EncryptionAlgorithm != "" || set.Cluster.DNS.Disabled || set.Init.Timeouts != nil {
		t.Error("what v1beta3 does not know counts")
	}
	if _, err := Read("f", []byte(text), Options{Strict: true}); err == nil || strings.Count(err.Error(), "no such field") != 3 {
		t.Errorf("strict: %v", err)
	}
}

func TestTimeOfV1beta3(t *testing.T) {
	for value, right := range map[string]bool{"4m0s": true, "long": false, "5": false} {
		_, err := Read("f", []byte("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer: {timeoutForControlPlane: "+value+"}\n"), Options{})
		if (err == nil) != right {
			t.Errorf("%s: %v", value, err)
		}
	}
}
