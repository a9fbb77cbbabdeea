package operation

import (
	"fmt"
	"io/fs"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
)

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
	// Module is the kernel module that is loaded for it, if need be.
	Module string `json:"module,omitempty"`
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
	if b := r.Bootstrap; b != nil && !b.Remove {
		list = append(list, ExplainedFile{Path: b.Path, Kind: "kubeconfig", Mode: "0600", Secret: true, Readers: []string{"kubelet"},
			Note: "the token with which the kubelet asks for its certificate; it is removed then"})
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
