package plan

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/seal"
)

// upload compares what is sealed in the cluster with the host's files, by
// opening it with the key.
func (d decider) upload(r desired.Resource) verdict {
	u := r.Upload
	have := d.seen.Objects[observed.ObjectKey("Secret", "kube-system", desired.CertsSecret)]
	if have == nil {
		return verdict{change: Create, reason: "the Secret " + desired.CertsSecret + " is missing", left: r}
	}
	owned := false
	for _, o := range have.GetOwnerReferences() {
		owned = owned || o.Kind == "Secret" && o.Name == u.TokenName()
	}
	if !owned {
		return verdict{change: Update, reason: "the sealed certificates end with another token", left: r}
	}
	for _, f := range u.Files {
		text, _, _ := unstructured.NestedString(have.Object, "data", f.Name)
		sealed, err := base64.StdEncoding.DecodeString(text)
		want := d.content(f.Path)
		if err == nil && len(want) == 0 && len(sealed) == 0 {
			continue
		}
		if open, err := seal.Open(u.Key, sealed); err != nil || !bytes.Equal(open, want) {
			return verdict{change: Update, reason: fmt.Sprintf("%s is not sealed in the cluster as it is here", f.Path), left: r}
		}
	}
	return verdict{}
}

// rotation waits until the kubelet has made the file: without it there is
// nothing to refer to.
func (d decider) rotation(r desired.Resource) verdict {
	k := d.content(r.Rotation.Kubeconfig)
	if k == nil || len(d.content(r.Rotation.ClientFile)) == 0 || d.writes[r.Rotation.Kubeconfig] || pki.Refers(k, r.Rotation.ClientFile) {
		return verdict{}
	}
	return verdict{change: Update, reason: r.Rotation.Kubeconfig + " holds a certificate that nobody renews", left: r}
}
