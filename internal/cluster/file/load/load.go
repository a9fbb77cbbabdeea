// Package load reads a cluster file: strictly, with defaults, and with every problem in one list.
package load

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	kubejson "sigs.k8s.io/json"

	"keelway.dev/keelway/internal/cluster/addon"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/file/check"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/document"
)

// Problem is one thing that is wrong in a file, or worth a warning.
type Problem struct {
	document.Problem
	// Fix says what to do about it; it may be "".
	Fix string
}

// String is "file:line: field: message; fix".
func (p Problem) String() string {
	text := p.Problem.String()
	if p.Fix != "" {
		text += "; " + p.Fix
	}
	return text
}

// Error is everything that is wrong in a file. Warnings are what its owner
// should know besides.
type Error struct{ Problems, Warnings []Problem }

func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Options give a reader what it cannot find out by itself.
type Options struct {
	// ReadFile reads a file that the cluster file names, relative to it. With
	// none, a file that names others is refused.
	ReadFile func(path string) ([]byte, error)
	// List returns the paths of all files below a folder, sorted, or the path
	// itself of a file.
	List func(path string) ([]string, error)
}

// Loaded is a cluster file that was read.
type Loaded struct {
	// Cluster has every default, and the documents of other files in place of
	// their paths.
	Cluster file.Cluster
	// Addons are the objects of its manifests and charts, in the order in which
	// they are applied.
	Addons   []addon.Object
	Warnings []Problem

	dir string
}

// Path is where a path that the cluster file names leads to: relative ones
// begin at the file's folder. What begins with "~" is left to whom it names.
func (l *Loaded) Path(name string) string { return from(l.dir, name) }

func from(dir, name string) string {
	if name == "" || path.IsAbs(name) || strings.HasPrefix(name, "~") {
		return name
	}
	return path.Join(dir, name)
}

// Read reads a cluster file. The error is an *Error with every problem.
func Read(name string, text []byte, o Options) (*Loaded, error) {
	r := reader{name: name, options: o}
	documents, broken := document.Split(name, text)
	for _, p := range broken {
		r.problems = append(r.problems, Problem{Problem: p})
	}
	r.choose(documents)
	if len(r.problems) > 0 {
		return nil, r.failed()
	}
	c := r.decode()
	if len(r.problems) > 0 {
		return nil, r.failed()
	}
	file.Default(c)
	l := &Loaded{Cluster: *c, dir: path.Dir(name)}
	for _, p := range check.Cluster(*c) {
		found := r.problem(p.Path, p.Message, p.Fix)
		if p.Warning {
			l.Warnings = append(l.Warnings, found)
		} else {
			r.problems = append(r.problems, found)
		}
	}
	added, warnings := r.addons(&l.Cluster)
	l.Addons, l.Warnings = added, append(l.Warnings, warnings...)
	if len(r.problems) > 0 {
		e := r.failed()
		e.Warnings = l.Warnings
		return nil, e
	}
	return l, nil
}

// reader is one reading of a file.
type reader struct {
	name     string
	options  Options
	document document.Document
	problems []Problem
}

// failed is the error with every problem, in the order of their lines.
func (r *reader) failed() *Error {
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{Problems: r.problems}
}

func (r *reader) problem(path, message, fix string) Problem {
	line, _ := r.document.Line(path)
	return Problem{document.Problem{File: r.name, Line: line, Path: path, Message: message}, fix}
}

func (r *reader) fail(path, fix, format string, args ...any) {
	r.problems = append(r.problems, r.problem(path, fmt.Sprintf(format, args...), fix))
}

// choose finds the one document that is the cluster.
func (r *reader) choose(documents []document.Document) {
	found := false
	for _, d := range documents {
		r.document = d
		switch {
		case d.Version == file.APIVersion && d.Kind == file.Kind:
			found = true
		case d.Kind == "KubeletConfiguration":
			r.fail("", "put it below spec.kubelet.config, or its file's path into spec.kubelet.configFile", "a cluster file is one document, and this is a %s", d.Kind)
		case d.Kind == "KubeProxyConfiguration":
			r.fail("", "put it below spec.kubeProxy.config, or its file's path into spec.kubeProxy.configFile", "a cluster file is one document, and this is a %s", d.Kind)
		default:
			r.fail("", "`keelway cluster import` makes a cluster file from a Kubespray inventory, a k0sctl file or a kubeadm configuration", "this is a %s of %s, and no %s of %s", d.Kind, d.Version, file.Kind, file.APIVersion)
		}
	}
	for _, d := range documents {
		if d.Kind == file.Kind {
			r.document = d
		}
	}
	if !found && len(r.problems) == 0 {
		r.fail("", "`keelway cluster new` writes an example", "there is no cluster in it")
	}
}

// decode reads the document, and the documents that it holds and names.
func (r *reader) decode() *file.Cluster {
	c := &file.Cluster{}
	kubeletType, proxyType := reflect.TypeFor[kubelet.KubeletConfiguration](), reflect.TypeFor[kubeproxy.KubeProxyConfiguration]()
	r.shape("", reflect.TypeFor[file.Cluster]())
	r.shape("spec.kubelet.config", kubeletType)
	r.shape("spec.kubeProxy.config", proxyType)
	if len(r.problems) > 0 {
		return c
	}
	if err := kubejson.UnmarshalCaseSensitivePreserveInts(r.document.JSON, c); err != nil {
		r.fail("", "", "%v", err)
		return c
	}
	k, p := &c.Spec.Kubelet, &c.Spec.KubeProxy
	r.embed("spec.kubelet", (*[]byte)(&k.Config), &k.ConfigFile, config.KubeletAPIVersion, "KubeletConfiguration", kubeletType)
	r.texts(&c.Spec)
	r.embed("spec.kubeProxy", (*[]byte)(&p.Config), &p.ConfigFile, config.ProxyAPIVersion, "KubeProxyConfiguration", proxyType)
	return c
}

// shape finds unknown fields and values of a wrong kind.
func (r *reader) shape(at string, t reflect.Type) {
	for _, p := range r.document.Shape(at, t) {
		if p.Kind == file.Kind {
			p.Kind = ""
		}
		r.problems = append(r.problems, Problem{Problem: p})
	}
}

// Problems lists the errors and the warnings that an error of Read holds; none
// for another error.
func Problems(err error) (problems, warnings []Problem) {
	var e *Error
	if errors.As(err, &e) {
		return e.Problems, e.Warnings
	}
	return nil, nil
}
