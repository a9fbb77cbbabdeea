package load

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/cluster/addon/chart"
	"keelway.dev/keelway/internal/cluster/file"
)

// addons reads the objects of all manifests and charts, in the order in which
// they are applied.
func (r *reader) addons(c *file.Cluster) (objects []addon.Object, warnings []Problem) {
	for i, name := range c.Spec.Addons.Manifests {
		at := fmt.Sprintf("spec.addons.manifests[%d]", i)
		files, ok := r.list(at, name)
		if !ok {
			continue
		}
		found := 0
		for _, f := range files {
			if manifest(f.Name) {
				found++
				objects = append(objects, r.objects(name, f.Name, f.Text)...)
			}
		}
		if found == 0 {
			warnings = append(warnings, r.problem(at, "there is no .yaml, .yml or .json in it", "what was applied from it is pruned"))
		}
	}
	for i := range c.Spec.Addons.Helm {
		objects = append(objects, r.chart(fmt.Sprintf("spec.addons.helm[%d]", i), c, &c.Spec.Addons.Helm[i], kinds(objects))...)
	}
	for _, p := range addon.Twice(objects) {
		r.problems = append(r.problems, Problem{Problem: p})
	}
	addon.Sort(objects)
	return objects, warnings
}

func (r *reader) objects(source, name string, text []byte) []addon.Object {
	objects, problems := addon.Read(source, name, text)
	for _, p := range problems {
		r.problems = append(r.problems, Problem{Problem: p})
	}
	return objects
}

func (r *reader) chart(at string, c *file.Cluster, h *file.Chart, served []string) []addon.Object {
	files, ok := r.list(at+".chart", h.Chart)
	if !ok {
		return nil
	}
	if len(files) == 1 && manifest(files[0].Name) {
		r.fail(at+".chart", "name the chart's folder, or a .tgz of it", "it is no chart")
		return nil
	}
	full := from(path.Dir(r.name), h.Chart)
	var parts []chart.File
	var err error
	if len(files) == 1 && files[0].Name == full {
		if parts, err = chart.FromArchive(files[0].Text); err != nil {
			r.fail(at+".chart", "", "it is no .tgz of a chart: %v", err)
			return nil
		}
	} else {
		for _, f := range files {
			parts = append(parts, chart.File{Name: strings.TrimPrefix(f.Name, full+"/"), Text: f.Text})
		}
	}
	if !r.values(at, h) {
		return nil
	}
	rendered, err := chart.Render(parts, chart.Release{
		Name: h.Name, Namespace: h.Namespace, Version: h.Version, Values: h.Values, Kubernetes: c.Spec.KubernetesVersion, Kinds: served,
	})
	if err != nil {
		r.fail(at, "", "the chart cannot be rendered: %v", err)
		return nil
	}
	var objects []addon.Object
	for _, f := range rendered {
		for _, o := range r.objects("chart "+h.Name, f.Name, f.Text) {
			if !chart.Apart(o) {
				o.Home = h.Namespace
				objects = append(objects, o)
			}
		}
	}
	return objects
}

// values puts the settings of a file in the place of its path.
func (r *reader) values(at string, h *file.Chart) bool {
	if h.ValuesFile == "" {
		return true
	}
	if h.Values != nil {
		r.fail(at, "keep one", "values and valuesFile exclude each other")
		return false
	}
	text, err := r.options.ReadFile(from(path.Dir(r.name), h.ValuesFile))
	if err == nil {
		h.Values, err = yaml.YAMLToJSONStrict(text)
	}
	if err != nil {
		r.fail(at+".valuesFile", "", "%v", err)
		return false
	}
	h.ValuesFile = ""
	return true
}

// list reads what a path names: a file, or all files below a folder.
func (r *reader) list(at, name string) ([]chart.File, bool) {
	if name == "" {
		return nil, false // package check has said so
	}
	if r.options.ReadFile == nil || r.options.List == nil {
		r.fail(at, "", "other files cannot be read here")
		return nil, false
	}
	names, err := r.options.List(from(path.Dir(r.name), name))
	if errors.Is(err, fs.ErrNotExist) {
		r.fail(at, "paths begin at the folder of the cluster file", "there is no %s", name)
		return nil, false
	}
	var files []chart.File
	for _, n := range names {
		if err != nil {
			break
		}
		f := chart.File{Name: n}
		f.Text, err = r.options.ReadFile(n)
		files = append(files, f)
	}
	if err != nil {
		r.fail(at, "", "%v", err)
		return nil, false
	}
	return files, true
}

func manifest(name string) bool {
	ext := path.Ext(name)
	return (ext == ".yaml" || ext == ".yml" || ext == ".json") && !strings.HasPrefix(path.Base(name), ".")
}

// kinds are those that definitions among the objects define, as charts ask for them.
func kinds(objects []addon.Object) []string {
	var list []string
	for _, o := range objects {
		if o.GetKind() != addon.Definition {
			continue
		}
		group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
		for _, v := range versions {
			if v, ok := v.(map[string]any); ok {
				gv := fmt.Sprintf("%s/%s", group, v["name"])
				list = append(list, gv, gv+"/"+kind)
			}
		}
	}
	return list
}
