package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// Origin is where a difference was made since the last apply.
type Origin string

// The origins: the cluster file, or what it is made real with (the bundle, this
// program); somebody on the host; somebody in the cluster.
const (
	InFile    Origin = "file"
	OnHost    Origin = "host"
	InCluster Origin = "cluster"
)

// Remember is what a host that is as wanted will have been given.
func Remember(want desired.Host, binaries map[string]string) observed.Applied {
	a := observed.Applied{Files: map[string]string{}, Modes: map[string]fs.FileMode{}, Sysctls: map[string]string{}, Objects: map[string]string{}}
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if sum := digestOf(f, binaries); f.Mode.IsRegular() && sum != "" {
				a.Files[f.Path], a.Modes[f.Path] = sum, f.Mode.Perm()
			}
		}
		for _, s := range r.Sysctls {
			a.Sysctls[s.Name] = s.Value
		}
		for _, o := range r.Objects {
			if key, sum := objectDigest(o); sum != "" {
				a.Objects[key] = sum
			}
		}
	}
	return a
}

func digestOf(f desired.File, binaries map[string]string) string {
	if f.Binary != "" {
		return binaries[f.Binary]
	}
	sum := sha256.Sum256(f.Content)
	return hex.EncodeToString(sum[:])
}

// objectDigest is empty for what is written once and never compared, and for a
// Secret, whose content is nobody's business.
func objectDigest(o desired.Object) (key, sum string) {
	if _, secret := o.Object.(*corev1.Secret); secret || o.Keep {
		return "", ""
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.Object)
	if err != nil {
		return "", ""
	}
	text, err := json.Marshal(content) // its keys are sorted
	if err != nil {
		return "", ""
	}
	u, digest := unstructured.Unstructured{Object: content}, sha256.Sum256(text)
	return observed.ObjectKey(u.GetKind(), u.GetNamespace(), u.GetName()), hex.EncodeToString(digest[:])
}

// Given keeps of want the objects that are, to the letter, what the host was
// given: where somebody has changed one of those in the cluster, it differs.
func Given(want desired.Host, last observed.Applied) desired.Host {
	all := want.Resources
	want.Resources = nil
	for _, r := range all {
		r.Objects = slices.DeleteFunc(slices.Clone(r.Objects), func(o desired.Object) bool {
			key, sum := objectDigest(o)
			return sum == "" || last.Objects[key] != sum
		})
		if len(r.Objects) > 0 {
			want.Resources = append(want.Resources, r)
		}
	}
	return want
}

// by adds where a difference was made.
func (v *verdict) by(origins ...Origin) {
	for _, o := range origins {
		if !slices.Contains(v.origins, o) {
			v.origins = append(v.origins, o)
		}
	}
	slices.Sort(v.origins)
}

// fileOrigin tells by what was written last: where that is what is wanted still,
// the host was changed; where the host has it still, the file was.
func (d decider) fileOrigin(f desired.File, have observed.File) []Origin {
	last, known := d.seen.Applied.Files[f.Path]
	switch {
	case !known:
		return nil
	case last == digestOf(f, d.in.Binaries):
		return []Origin{OnHost}
	case last == have.SHA256:
		return []Origin{InFile}
	}
	return []Origin{InFile, OnHost}
}

func (d decider) sysctlOrigin(s desired.Sysctl, have string) []Origin {
	last, known := d.seen.Applied.Sysctls[s.Name]
	switch {
	case !known:
		return nil
	case last == s.Value:
		return []Origin{OnHost}
	case last == have:
		return []Origin{InFile}
	}
	return []Origin{InFile, OnHost}
}

// objectOrigin knows only of what was wanted: where that has changed, whether
// somebody has changed the object too is not told.
func (d decider) objectOrigin(o desired.Object) []Origin {
	key, sum := objectDigest(o)
	last, known := d.seen.Applied.Objects[key]
	switch {
	case !known || sum == "":
		return nil
	case last == sum:
		return []Origin{InCluster}
	}
	return []Origin{InFile}
}
