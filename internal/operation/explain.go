package operation

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
)

// ExplainOptions are what the user wants explained.
type ExplainOptions struct {
	// Cluster is what `up` would be called with; nil takes the cluster that is
	// on this machine, or the defaults.
	Cluster *cluster.Options
	// Name is a step, a phase, a component or a file; "" explains all steps.
	Name string
}

// Explanation says what `keelway up` does, in the words of the steps themselves.
type Explanation struct {
	Host       string          `json:"host"`
	Kubernetes string          `json:"kubernetes"`
	Profile    cluster.Profile `json:"profile"`
	// Basis says which cluster the words are about: the one that is on this
	// machine (recorded, found) or the one that would be made (defaulted).
	Basis Basis           `json:"basis"`
	Steps []ExplainedStep `json:"steps,omitempty"`
	// Security lists the security settings, those that are off too.
	Security []Setting `json:"security,omitempty"`
	// File is set when one file was asked about.
	File *FileExplanation `json:"file,omitempty"`
}

// ExplainedStep is one step of `up` in words.
type ExplainedStep struct {
	ID        string `json:"id"`
	Phase     string `json:"phase"`
	Component string `json:"component"`
	What      string `json:"what"`
	Why       string `json:"why"`
	// After are the steps that come first.
	After    []string          `json:"after,omitempty"`
	Files    []ExplainedFile   `json:"files,omitempty"`
	Settings []ExplainedSysctl `json:"settings,omitempty"`
	Images   []string          `json:"images,omitempty"`
	Objects  []ExplainedObject `json:"objects,omitempty"`
	Service  *ServiceReader    `json:"service,omitempty"`
	Waits    string            `json:"waits,omitempty"`
}

// ExplainedSysctl is a kernel setting that a step makes.
type ExplainedSysctl struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Note  string `json:"note"`
}

// ExplainedObject is an API object that a step makes.
type ExplainedObject struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// ServiceReader is a service that a step starts, with the files at whose change
// it is started again.
type ServiceReader struct {
	Name  string   `json:"name"`
	Reads []string `json:"reads"`
}

// Explain says what `up` does on this machine and why. It changes nothing and
// needs no cluster; of one file it also says how it is now.
func Explain(ctx context.Context, m *Machine, o ExplainOptions) (*Explanation, error) {
	model, _, basis, err := m.expected(ctx, o.Cluster)
	if err != nil {
		return nil, err
	}
	want := desired.For(model, 0)
	e := &Explanation{Host: want.Name, Kubernetes: model.Release.Kubernetes, Profile: model.Profile, Basis: basis}
	all := settings(want)
	if o.Name == "" {
		e.Steps, e.Security = explainSteps(want, want.Resources), all
		return e, nil
	}
	found, err := resolve(o.Name, want, all, func(p string) bool {
		_, err := m.Host.Stat(ctx, p)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	e.Steps, e.Security = explainSteps(want, found.resources), found.settings
	if found.file == "" {
		return e, nil
	}
	e.File, err = m.explainFile(ctx, found.file, want)
	return e, err
}

// expected is the model of the cluster that is, or would be, on this machine,
// with the checksums of its programs where they are known.
func (m *Machine) expected(ctx context.Context, chosen *cluster.Options) (*cluster.Model, map[string]string, Basis, error) {
	if chosen != nil {
		model, err := m.model(ctx, *chosen)
		return model, nil, Defaulted, err
	}
	o, basis, err := m.LoadOptions(ctx)
	if err != nil {
		return nil, nil, "", err
	}
	model, err := m.model(ctx, o.Cluster())
	if err != nil && basis == Found {
		// A version that this keelway does not know is no reason to say nothing.
		o.KubernetesVersion = ""
		if other, retry := m.model(ctx, o.Cluster()); retry == nil {
			return other, o.Programs, basis, nil
		}
	}
	return model, o.Programs, basis, err
}

func explainSteps(want desired.Host, resources []desired.Resource) []ExplainedStep {
	var list []ExplainedStep
	previous := ""
	for _, r := range resources {
		s := ExplainedStep{ID: r.ID, Phase: r.Phase, Component: r.Component, What: r.What, Why: r.Why, After: r.After, Files: explainFiles(want, r)}
		if r.After == nil && previous != "" {
			s.After = []string{previous}
		}
		previous = r.ID
		for _, c := range r.Sysctls {
			s.Settings = append(s.Settings, ExplainedSysctl(c))
		}
		for _, i := range r.Images {
			s.Images = append(s.Images, i.Reference)
		}
		for _, obj := range r.Objects {
			s.Objects = append(s.Objects, ExplainedObject{Name: objectName(obj.Object), Why: obj.Why})
		}
		if r.Service != nil {
			s.Service = &ServiceReader{Name: r.Service.Name, Reads: r.Service.Reads}
		}
		if r.Wait != nil {
			s.Waits = fmt.Sprintf("%s %s, for at most %d s", r.Wait.Probe, r.Wait.Target, r.Wait.Seconds)
		}
		list = append(list, s)
	}
	return list
}

// objectName is "Kind/namespace/name", or "Kind/name" of the whole cluster's.
func objectName(o runtime.Object) string {
	_, meta, err := kube.Locate(o)
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	key := observed.ObjectKey(o.GetObjectKind().GroupVersionKind().Kind, meta.GetNamespace(), meta.GetName())
	return strings.Replace(key, "//", "/", 1)
}

// ExplainedFile is a file of a step in words.
type ExplainedFile struct {
	Path string `json:"path"`
	// Kind is "file", "program", "directory", "link to <target>", "certificate",
	// "private key", "public key", "kubeconfig" or "generated key".
	Kind string `json:"kind"`
	// Mode is in octal, such as "0644"; links have none.
	Mode    string   `json:"mode,omitempty"`
	Secret  bool     `json:"secret,omitempty"`
	Readers []string `json:"readers,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// explainFiles lists what a step of want writes.
func explainFiles(want desired.Host, r desired.Resource) []ExplainedFile {
	var list []ExplainedFile
	for _, f := range r.Files {
		kind, mode := "file", octal(f.Mode)
		switch {
		case f.Mode.IsDir():
			kind = "directory"
		case f.Mode&fs.ModeSymlink != 0:
			kind, mode = "link to "+f.Link, ""
		case f.Binary != "":
			kind = "program"
		}
		list = append(list, ExplainedFile{Path: f.Path, Kind: kind, Mode: mode, Secret: f.Secret, Readers: f.Readers, Note: f.Note})
	}
	if s := r.Certificate; s != nil {
		key, keyReaders := "proves that the certificate is its own", s.Readers
		if s.CA {
			// Most who trust an authority never see its key.
			key = "signs certificates; whoever has it can make himself anybody"
			keyReaders = append(named(want, s.KeyPath()), "keelway")
		}
		list = append(list,
			ExplainedFile{Path: s.KeyPath(), Kind: "private key", Mode: "0600", Secret: true, Readers: keyReaders, Note: key},
			ExplainedFile{Path: s.CertPath(), Kind: "certificate", Mode: "0644", Readers: s.Readers, Note: s.Note})
	}
	if k := r.Keypair; k != nil {
		list = append(list,
			ExplainedFile{Path: k.Private, Kind: "private key", Mode: "0600", Secret: true, Readers: k.Readers, Note: k.Note},
			ExplainedFile{Path: k.Public, Kind: "public key", Mode: "0600", Readers: k.Readers, Note: "checks what the private half has signed"})
	}
	if k := r.Kubeconfig; k != nil {
		if k.ClientFile != "" {
			list = append(list, ExplainedFile{Path: k.ClientFile, Kind: "private key", Mode: "0600", Secret: true, Readers: k.Readers,
				Note: "certificate and key of " + k.User + "; the kubelet renews it by itself"})
		}
		list = append(list, ExplainedFile{Path: k.Path, Kind: "kubeconfig", Mode: "0600", Secret: true, Readers: k.Readers, Note: k.Note})
	}
	if k := r.Key; k != nil {
		list = append(list, ExplainedFile{Path: k.Path, Kind: "generated key", Mode: octal(k.Mode), Secret: true, Readers: k.Readers, Note: k.Note})
	}
	return list
}

// named lists the static pods whose flags name a path.
func named(want desired.Host, file string) []string {
	var names []string
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if strings.HasPrefix(f.Path, manifestDir) && strings.Contains(string(f.Content), "="+file+"\n") {
				names = append(names, r.Component)
			}
		}
	}
	return names
}

// manifestDir is where static pods lie.
const manifestDir = "/etc/kubernetes/manifests/"

func octal(m fs.FileMode) string { return fmt.Sprintf("%04o", m.Perm()) }

// found is what a name stands for.
type found struct {
	resources []desired.Resource
	settings  []Setting
	// file is set when the name is a file's.
	file string
}

// UnknownNameError says that there is no such step or file.
type UnknownNameError struct {
	Name string
	// Close are names like it.
	Close []string
}

func (e *UnknownNameError) Error() string {
	words := fmt.Sprintf("nothing that `keelway up` does is called %q", e.Name)
	if len(e.Close) > 0 {
		return words + "; did you mean " + strings.Join(e.Close, ", ") + "?"
	}
	return words + "; `keelway explain` lists all steps and files"
}

// AmbiguousNameError says that several files fit.
type AmbiguousNameError struct {
	Name  string
	Paths []string
}

func (e *AmbiguousNameError) Error() string {
	return fmt.Sprintf("%q can be %s: write more of the path", e.Name, strings.Join(e.Paths, " or "))
}

// resolve finds what a name stands for: a step, a phase, a component, a
// security setting, or a file by its path or the end of it. exists says whether
// there is a file that no step writes.
func resolve(name string, want desired.Host, all []Setting, exists func(path string) bool) (found, error) {
	pick := func(is func(desired.Resource) bool) []desired.Resource {
		var list []desired.Resource
		for _, r := range want.Resources {
			if is(r) {
				list = append(list, r)
			}
		}
		return list
	}
	if list := pick(func(r desired.Resource) bool { return r.ID == name }); len(list) > 0 {
		return found{resources: list}, nil
	}
	for _, s := range all {
		if s.ID == name {
			return found{settings: []Setting{s}, resources: pick(func(r desired.Resource) bool { return slices.Contains(s.Steps, r.ID) })}, nil
		}
	}
	if name == securityPhase {
		return found{settings: all}, nil
	}
	if list := pick(func(r desired.Resource) bool { return r.Phase == name || r.Component == name }); len(list) > 0 {
		return found{resources: list}, nil
	}
	if !path.IsAbs(name) {
		paths := ending(name, want)
		switch len(paths) {
		case 0:
			return found{}, &UnknownNameError{Name: name, Close: alike(name, Names(want))}
		case 1:
			name = paths[0]
		default:
			return found{}, &AmbiguousNameError{Name: name, Paths: paths}
		}
	}
	name = path.Clean(name)
	list := pick(func(r desired.Resource) bool { return slices.Contains(pathsOf(r), name) })
	if len(list) == 0 && (!exists(name) || enclosing(name, want) == nil) {
		return found{}, &UnknownNameError{Name: name, Close: alike(name, Names(want))}
	}
	return found{resources: list, file: name}, nil
}
