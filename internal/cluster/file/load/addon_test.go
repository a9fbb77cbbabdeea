package load_test

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/cluster/file/load"
)

// folder has files by their paths, as a reader sees them.
func folder(files map[string]string) load.Options {
	return load.Options{
		ReadFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
		List: func(path string) ([]string, error) {
			var below []string
			for _, name := range slices.Sorted(maps.Keys(files)) {
				if name == path || strings.HasPrefix(name, path+"/") {
					below = append(below, name)
				}
			}
			if below == nil {
				return nil, fs.ErrNotExist
			}
			return below, nil
		},
	}
}

func addonFiles() map[string]string {
	return map[string]string{
		"conf/web/b.yaml":                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
		"conf/web/deep/a.json":           `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}`,
		"conf/web/README.md":             "no manifest",
		"conf/one.yml":                   "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n",
		"conf/empty/README.md":           "no manifest",
		"conf/chart/Chart.yaml":          "apiVersion: v2\nname: c\nversion: 1.0.0\n",
		"conf/chart/templates/a.yaml":    "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\nspec: {clusterIP: {{ .Values.ip }}}\n",
		"conf/chart/templates/test.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n",
		"conf/values.yaml":               "ip: None\n",
		"conf/bad/a.yaml":                "# one\n\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: 1}\n",
		"conf/bad/b.yaml":                "apiVersion: v1\nkind: Service\n",
	}
}

func TestAddons(t *testing.T) {
	t.Parallel()
	read := func(addons string) (*load.Loaded, error) {
		return load.Read("conf/cluster.yaml", []byte(text(one, "  addons:\n"+addons)), folder(addonFiles()))
	}
	l, err := read("    manifests: [web, one.yml, empty]\n    helm:\n    - {name: r, chart: chart, namespace: shop, valuesFile: values.yaml}\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range l.Addons {
		got = append(got, fmt.Sprintf("%s of %s at %s %s", o.Ref(), o.Source, o.At, o.Home))
	}
	want := []string{
		"Namespace web of web at conf/web/b.yaml:5 ", "Secret s of one.yml at conf/one.yml:1 ", "ConfigMap c of web at conf/web/deep/a.json:1 ",
		"Service r of chart r at c/templates/a.yaml:1 shop", "Deployment d of web at conf/web/b.yaml:1 ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if all := fmt.Sprint(l.Warnings); !strings.Contains(all, "spec.addons.manifests[2]: there is no .yaml, .yml or .json in it") {
		t.Errorf("warns %v", all)
	}
	if h := l.Cluster.Spec.Addons.Helm[0]; h.ValuesFile != "" || string(h.Values) != `{"ip":"None"}` {
		t.Errorf("the values are not in the file's place: %+v", h)
	}
	for addons, want := range map[string]string{
		"    manifests: [bad]\n":                                                                `conf/bad/a.yaml:6: Service spec.port: there is no such field: did you mean "ports"?|conf/bad/b.yaml:1: Service metadata.name: it is needed`,
		"    manifests: [nowhere]\n":                                                            "cluster.yaml:9: spec.addons.manifests[0]: there is no nowhere; paths begin at the folder",
		"    manifests: [web, web]\n":                                                           "conf/web/b.yaml:1: Deployment d is there twice: also at conf/web/b.yaml:1",
		"    helm: [{name: r, chart: chart, version: 2.0.0}]\n":                                 "cluster.yaml:9: spec.addons.helm[0]: the chart cannot be rendered: it has version 1.0.0, and 2.0.0 is asked for",
		"    helm: [{name: r, chart: one.yml}]\n":                                               "spec.addons.helm[0].chart: it is no chart",
		"    helm: [{name: r, chart: web/README.md}]\n":                                         "spec.addons.helm[0].chart: it is no .tgz of a chart",
		"    helm: [{name: r, chart: chart, values: {ip: 5}}]\n":                                "c/templates/a.yaml:4: Service spec.clusterIP: it should be a text",
		"    helm: [{name: r, chart: chart, values: {}, valuesFile: values.yaml}]\n":            "values and valuesFile exclude each other",
		"    helm: [{name: r, chart: chart, valuesFile: nowhere}]\n":                            "spec.addons.helm[0].valuesFile: file does not exist",
		"    helm: [{name: r, chart: chart, valuesFile: values.yaml}, {name: q, chart: '!'}]\n": "spec.addons.helm[1].chart: there is no !",
	} {
		_, err := read(addons)
		for part := range strings.SplitSeq(want, "|") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s%v, want %q", addons, err, part)
			}
		}
	}
}
