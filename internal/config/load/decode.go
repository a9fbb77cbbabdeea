package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	kubejson "sigs.k8s.io/json"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
	"keelway.dev/keelway/internal/config/document"
)

// group is the API group of kubeadm's kinds.
const group = "kubeadm.k8s.io/"

// old says which kubeadm last read a version that Keelway does not.
func old(version string) string {
	return map[string]string{"v1alpha1": "v1.11", "v1alpha2": "v1.12", "v1alpha3": "v1.14", "v1beta1": "v1.15", "v1beta2": "v1.22"}[version]
}

// decode fills the kind that a document is of.
func (s *Set) decode(d *document.Document, strict bool) (problems, warnings []Problem) {
	fail := func(path, format string, args ...any) {
		line, _ := d.Line(path)
		problems = append(problems, Problem{File: d.File, Line: line, Kind: d.Kind, Problem: check.Problem{Path: path, Message: fmt.Sprintf(format, args...)}})
	}
	tellUnknown := func(path, words string) {
		line, _ := d.Line(path)
		p := Problem{File: d.File, Line: line, Kind: d.Kind, Problem: check.Problem{Path: path, Message: words}}
		if strict {
			problems = append(problems, p)
		} else {
			warnings = append(warnings, p)
		}
	}
	into, known := s.target(d.Version, d.Kind)
	version, ours := strings.CutPrefix(d.Version, group)
	switch {
	case ours && old(version) != "":
		fail("", "apiVersion %s is too old: kubeadm %s was the last to read it, and its `config migrate` writes a newer one", d.Version, old(version))
		return problems, nil
	case ours && version == "v1":
		fail("", "apiVersion %s is experimental: write %s", d.Version, config.APIVersion)
		return problems, nil
	case !known && strict:
		fail("", "there is no kind %s in %s", d.Kind, d.Version)
		return problems, nil
	case !known:
		line, _ := d.Line("")
		return nil, []Problem{{File: d.File, Line: line, Kind: d.Kind, Problem: check.Problem{Message: fmt.Sprintf("%s is no kind that is read here: ignored", d.Version)}}}
	}
	text := d.JSON
	if version == "v1beta3" {
		var converted []check.Problem
		var newer []string
		text, converted, newer = fromV1beta3(d.Kind, text)
		for _, p := range converted {
			fail(p.Path, "%s", p.Message)
		}
		for _, path := range newer {
			tellUnknown(path, "there is no such field in v1beta3; v1beta4 has it")
		}
	} else if ours {
		for _, path := range argMaps(text) {
			fail(path, "it is a map, as in v1beta3; in v1beta4 it is a list of name and value: `keelway config migrate` writes it, when apiVersion says v1beta3")
		}
	}
	if len(problems) > 0 {
		return problems, warnings
	}
	unknown, err := kubejson.UnmarshalStrict(text, into)
	if err != nil {
		path, words := explain(err)
		fail(path, "%s", words)
		return problems, warnings
	}
	for _, u := range unknown {
		tellUnknown(explain(u))
	}
	return problems, warnings
}

// target makes the kind of a document, and tells whether it is known.
func (s *Set) target(version, kind string) (any, bool) {
	switch version {
	case config.APIVersion, group + "v1beta3":
		switch kind {
		case "InitConfiguration":
			s.Init = &config.InitConfiguration{}
			return s.Init, true
		case "ClusterConfiguration":
			s.Cluster = &config.ClusterConfiguration{}
			return s.Cluster, true
		case "JoinConfiguration":
			s.Join = &config.JoinConfiguration{}
			return s.Join, true
		}
		if version != config.APIVersion {
			return nil, false // the others came with v1beta4
		}
		switch kind {
		case "ResetConfiguration":
			s.Reset = &config.ResetConfiguration{}
			return s.Reset, true
		case "UpgradeConfiguration":
			s.Upgrade = &config.UpgradeConfiguration{}
			return s.Upgrade, true
		}
	case config.KubeletAPIVersion:
		if kind == "KubeletConfiguration" {
			s.Kubelet = &kubelet.KubeletConfiguration{}
			return s.Kubelet, true
		}
	case config.ProxyAPIVersion:
		if kind == "KubeProxyConfiguration" {
			s.Proxy = &kubeproxy.KubeProxyConfiguration{}
			return s.Proxy, true
		}
	}
	return nil, false
}

var quotedPath = regexp.MustCompile(`(unknown|duplicate) field "([^"]+)"`)

// explain takes the field's path and plain words from a decoder's error.
func explain(err error) (path, words string) {
	if m := quotedPath.FindStringSubmatch(err.Error()); m != nil {
		if m[1] == "duplicate" {
			return m[2], "it is there twice: keep one"
		}
		return m[2], "there is no such field"
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return kind.Field, fmt.Sprintf("it is a %s, and should be a %s", kind.Value, plain(kind.Type.String()))
	}
	return "", strings.TrimPrefix(err.Error(), "json: ")
}

// plain says a Go type in words of YAML.
func plain(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "list"
	case strings.HasPrefix(goType, "map"):
		return "map"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "number"
	case goType == "bool":
		return "true or false"
	case strings.Contains(goType, "."):
		return "map"
	}
	return goType
}

// argFields are where arguments of programs stand.
func argFields() []string {
	return []string{"apiServer.extraArgs", "controllerManager.extraArgs", "scheduler.extraArgs", "etcd.local.extraArgs", "nodeRegistration.kubeletExtraArgs"}
}

// argMaps finds the argument fields that are maps.
func argMaps(text []byte) []string {
	var tree map[string]any
	if json.Unmarshal(text, &tree) != nil {
		return nil
	}
	var found []string
	for _, path := range argFields() {
		if _, ok := lookup(tree, path).(map[string]any); ok {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

// lookup is the value at a path of names, nil if there is none.
func lookup(tree map[string]any, path string) any {
	var at any = tree
	for name := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[name]
	}
	return at
}
