// Package patch reads kubeadm's folder of patches, and changes with them what is written.
package patch

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apps "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"
)

// Kind is how a patch is written.
type Kind string

// The kinds, as file names have them.
const (
	Strategic Kind = "strategic"
	Merge     Kind = "merge"
	JSON      Kind = "json"
)

// Targets are what can be patched, with kubeadm's names.
func Targets() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubeletconfiguration", "corednsdeployment", "kubeproxydaemonset"}
}

// schema is the object whose list keys strategic patches follow.
func schema(target string) any {
	switch target {
	case "kubeletconfiguration":
		return kubelet.KubeletConfiguration{}
	case "corednsdeployment":
		return apps.Deployment{}
	case "kubeproxydaemonset":
		return apps.DaemonSet{}
	}
	return corev1.Pod{}
}

// Set is the patches of a folder, in the order in which they are applied.
type Set struct {
	patches []one
	// Ignored says of each file that is no patch why not.
	Ignored []string
}

// one is a document of a patch file, as JSON.
type one struct {
	file, target string
	kind         Kind
	text         []byte
}

// Parse reads the files of a folder by their names: target[suffix][+kind].yaml
// or .json. They are applied in the order of their names; one that has another
// name is ignored, and said to be. The error names the file.
func Parse(files map[string][]byte) (*Set, error) {
	s := &Set{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		target, kind, why, err := parseName(path.Base(name))
		if err != nil {
			return nil, fmt.Errorf("patch %s: %w", name, err)
		}
		if why == "" && len(files[name]) == 0 {
			why = "it is empty"
		}
		if why != "" {
			s.Ignored = append(s.Ignored, name+": "+why)
			continue
		}
		documents, err := split(files[name])
		if err != nil {
			return nil, fmt.Errorf("patch %s: %w", name, err)
		}
		for _, d := range documents {
			s.patches = append(s.patches, one{file: name, target: target, kind: kind, text: d})
		}
	}
	return s, nil
}

func parseName(name string) (target string, kind Kind, ignored string, err error) {
	if ext := path.Ext(name); len(name) <= len(ext) || (ext != ".json" && ext != ".yaml") {
		return "", "", "its name does not end in .yaml or .json", nil
	}
	parts := regexp.MustCompile(`^(` + strings.Join(Targets(), "|") + `)([^.+\n]*)(\+(json|merge|strategic)?)?`).FindStringSubmatch(name)
	if parts == nil {
		return "", "", "its name does not begin with one of " + strings.Join(Targets(), ", "), nil
	}
	if parts[3] == "+" {
		return "", "", "", errors.New("after + stands the kind of the patch: json, merge or strategic")
	}
	kind = Strategic
	if parts[4] != "" {
		kind = Kind(parts[4])
	}
	return parts[1], kind, "", nil
}

// split turns the documents of a file into JSON.
func split(text []byte) ([][]byte, error) {
	var documents [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		d, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if d = bytes.TrimSpace(d); len(d) == 0 {
			continue
		}
		j, err := yaml.YAMLToJSON(d)
		if err != nil {
			return nil, err
		}
		documents = append(documents, j)
	}
}

// Patch applies the patches of a target, one after the other, to an object as
// YAML, and returns it as JSON; nil where there is none for it. The error names
// the file that does not fit.
func (s *Set) Patch(target string, object []byte) ([]byte, error) {
	var data []byte
	for _, p := range s.patches {
		if p.target != target {
			continue
		}
		var err error
		if data == nil {
			if data, err = yaml.YAMLToJSON(object); err != nil {
				return nil, err
			}
		}
		if data, err = p.apply(data); err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
	}
	return data, nil
}

func (p one) apply(data []byte) ([]byte, error) {
	switch p.kind {
	case JSON:
		operations, err := jsonpatch.DecodePatch(p.text)
		if err != nil {
			return nil, err
		}
		return operations.Apply(data)
	case Merge:
		return jsonpatch.MergePatch(data, p.text)
	}
	return strategicpatch.StrategicMergePatch(data, p.text, schema(p.target))
}

// Empty is true of a folder without a patch.
func (s *Set) Empty() bool { return len(s.patches) == 0 }
