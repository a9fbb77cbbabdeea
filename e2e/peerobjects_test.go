package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// object is an object's fields by their paths.
type object map[string]string

// fleeting are the kinds whose objects come and go, or are made by the cluster
// from others: they say nothing of who made the cluster.
const fleeting = "componentstatuses endpoints endpointslices.discovery.k8s.io events events.events.k8s.io leases.coordination.k8s.io certificatesigningrequests.certificates.k8s.io"

// objects are all objects of the cluster, without what is made anew each time.
func objects(t *testing.T) map[string]object {
	t.Helper()
	list, err := adminKubectl(t, "api-resources", "--verbs=list", "-o", "name")
	check(t, err)
	kinds := slices.DeleteFunc(strings.Fields(list), func(kind string) bool {
		return slices.Contains(strings.Fields(fleeting), kind)
	})
	text, err := adminKubectl(t, "get", strings.Join(kinds, ","), "-A", "-o", "json")
	if err != nil {
		t.Fatal(text)
	}
	var found struct{ Items []map[string]any }
	check(t, json.Unmarshal([]byte(text), &found))
	all := map[string]object{}
	for _, item := range found.Items {
		meta := item["metadata"].(map[string]any)
		if owned(meta) {
			continue
		}
		kind := item["kind"].(string)
		given := str(meta["name"]) == "bootstrap-token-abcdef"
		mask(kind, item, meta)
		if given {
			meta["name"] = "bootstrap-token-abcdef"
		}
		name := path.Join(str(meta["namespace"]), str(meta["name"]))
		fields := object{}
		flatten(fields, "", item)
		all[kind+" "+name] = fields
	}
	if len(all) < 150 {
		t.Fatalf("%d objects only", len(all))
	}
	return all
}

// owned is true of what a controller makes from a template, under a random name.
func owned(meta map[string]any) bool {
	owners, _ := meta["ownerReferences"].([]any)
	for _, o := range owners {
		if kind := o.(map[string]any)["kind"]; kind == "ReplicaSet" || kind == "DaemonSet" {
			return str(meta["generateName"]) != ""
		}
	}
	return false
}

// mask takes out of an object what is generated. Of secrets the names of the
// data stay, and of a bootstrap token what is no secret and no time.
func mask(kind string, item, meta map[string]any) {
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		delete(meta, field)
	}
	owners, _ := meta["ownerReferences"].([]any)
	for _, o := range owners {
		owner := o.(map[string]any)
		delete(owner, "uid")
		owner["name"] = madeName.ReplaceAllString(str(owner["name"]), "$1(made)")
	}
	meta["name"] = madeName.ReplaceAllString(str(meta["name"]), "$1(made)")
	if notes, ok := meta["annotations"].(map[string]any); ok {
		delete(notes, "kubernetes.io/config.seen")
		// `kubectl apply`, with which kubeadm's users install a pod network, keeps its own notes.
		delete(notes, "kubectl.kubernetes.io/last-applied-configuration")
		if len(notes) == 0 {
			delete(meta, "annotations")
		}
	}
	delete(item, "status")
	if data, ok := item["data"].(map[string]any); ok && kind == "Secret" {
		for key := range data {
			if strings.HasPrefix(key, "usage-") || key == "description" || key == "auth-extra-groups" {
				continue
			}
			data[key] = "(masked)"
		}
	}
}

func str(value any) string { s, _ := value.(string); return s }

// madeName are names with a part that is made anew each time: the token that
// owns the uploaded certificates, and the hash of an authority.
var madeName = regexp.MustCompile(`^(bootstrap-token-|kubernetes\.io:kube-apiserver-serving:)[a-z0-9]+$`)

// madeAnew are texts within fields that are made anew each time.
var madeAnew = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----|(certificate-authority-data|jws-kubeconfig-abcdef): \S+`)

func flatten(to object, at string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			if strings.HasPrefix(key, "jws-kubeconfig-") || strings.HasSuffix(key, "/backend-data") {
				below = "(masked)"
			}
			flatten(to, at+"."+key, below)
		}
		if len(v) == 0 {
			to[at] = "{}"
		}
	case []any:
		for i, below := range v {
			flatten(to, fmt.Sprintf("%s[%d]", at, i), below)
		}
		if len(v) == 0 {
			to[at] = "[]"
		}
	default:
		to[at] = madeAnew.ReplaceAllString(fmt.Sprint(v), "$1(masked)")
	}
}

// meant is a place where Keelway is meant to differ; the one list of them
// is differences.yaml.
type meant struct {
	// Case is the kind, name and field of an object, Why what is better about ours.
	Case, Why string
}

func meantObjects(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("differences.yaml")
	check(t, err)
	var lists map[string][]meant
	check(t, yaml.UnmarshalStrict(raw, &lists))
	all := map[string]string{}
	for _, m := range lists["objects"] {
		all[m.Case] = m.Why
	}
	return all
}

// compareObjects tells every field in which the clusters differ.
func compareObjects(t *testing.T, theirs, ours map[string]object) {
	stale := meantObjects(t)
	tell := func(place, a, b string) {
		if a == b {
			return
		}
		if _, ok := stale[place]; ok {
			delete(stale, place)
			return
		}
		t.Errorf("%s:\nkubeadm: %s\nkeelway: %s", place, a, b)
	}
	fields := 0
	names := maps.Clone(theirs)
	maps.Copy(names, ours)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, b := theirs[name], ours[name]
		if a == nil || b == nil {
			tell(name, fmt.Sprint("there: ", a != nil), fmt.Sprint("there: ", b != nil))
			continue
		}
		paths := maps.Clone(a)
		maps.Copy(paths, b)
		for _, p := range slices.Sorted(maps.Keys(paths)) {
			fields++
			tell(name+" "+p, a[p], b[p])
		}
	}
	for place := range stale {
		t.Errorf("no difference in %q: strike it from differences.yaml", place)
	}
	t.Logf("%d objects of both clusters held side by side, %d fields", len(theirs), fields)
}
