// Package desired says, from the model of a cluster, what must be on each host and in the API, and why.
package desired

import (
	"io/fs"

	"k8s.io/apimachinery/pkg/runtime"

	"keelway.dev/keelway/internal/pki"
)

// Resource is one thing that must be true, with the words that explain it. A
// resource that is not true yet becomes one step of a plan. Exactly one of the
// pointers and slices from Files to Residue is set.
type Resource struct {
	// ID is "<phase>/<name>", unique on a host, such as "certs/apiserver".
	ID    string
	Phase string
	// Component is the upstream program this belongs to, such as "kube-apiserver".
	Component string
	// What is an imperative: "issue the API server's serving certificate".
	What string
	// Why says what fails without it, in one or two sentences.
	Why string
	// After names the resources that must be true first. nil means the
	// resource before this one; an empty slice means none.
	After []string

	Files       []File
	Certificate *pki.Spec
	Keypair     *Keypair
	Kubeconfig  *pki.Kubeconfig
	Key         *RandomKey
	Sysctls     []Sysctl
	Service     *Service
	Images      []Image
	Objects     []Object
	Wait        *Wait
	Upload      *Upload
	Rotation    *Rotation
	Bootstrap   *Bootstrap
	Member      *Member
	Leave       *Leave
	Residue     *Residue
}

// File is a file, directory or link whose content is known before anything runs.
type File struct {
	Path string
	// Mode holds fs.ModeDir or fs.ModeSymlink for directories and links.
	Mode fs.FileMode
	// Content is a regular file's text; Binary names a program of the bundle
	// whose bytes it is instead; Link is a symbolic link's target.
	Content []byte
	Binary  string
	Link    string
	// Twin, for a Binary, is where the same bytes may lie on the host already: a
	// hard link to them saves the disk, and the memory of every process that
	// runs from either.
	Twin *Twin
	// Secret content is never shown.
	Secret bool
	// Shared directories may have been there before, and hold files of others:
	// only an empty one is ever removed.
	Shared bool
	// Holds, where it is not nil, are the names of all that a directory may hold:
	// anything else in it is removed.
	Holds []string
	// Readers are the components that read the file; Note says what for.
	Readers []string
	Note    string
}

// Twin is a file below each folder of a directory, such as a program in an
// unpacked image.
type Twin struct {
	Dir, Below string
}

// Keypair is a bare private and public key, such as the service account signer's.
type Keypair struct {
	// Private and Public are the paths of the PEM files.
	Private, Public string
	Algorithm       pki.Algorithm
	Readers         []string
	Note            string
}

// RandomKey is a file made from a template and fresh random bytes, once; an
// existing file is kept.
type RandomKey struct {
	Path string
	Mode fs.FileMode
	// Bytes is how many random bytes stand, in base64, for Placeholder.
	Bytes       int
	Template    []byte
	Placeholder string
	Readers     []string
	Note        string
}

// Sysctl is a kernel setting by its name with dots.
type Sysctl struct {
	Name, Value, Note string
	// Module is the kernel module that brings the setting, to be loaded where it
	// is absent; "" is none.
	Module string
}

// Service is a program that the host's service manager keeps running.
type Service struct {
	// Name is the unit's, without ".service".
	Name string
	// Reads lists the files that it reads at start only: it is restarted when
	// one is newer than its process.
	Reads []string
	// Node, when set, is the wait for the Node that the service registers: a
	// kubelet does so once, when it starts, and never again when the Node is
	// deleted.
	Node string
}

// Image is a container image that must be in the runtime's store.
type Image struct {
	Reference string
	// Bundled is upstream's reference, by which a bundle has it; the two differ
	// where the configuration names a repository of its own.
	Bundled string
}

// Object is an API object that must exist.
type Object struct {
	Object runtime.Object
	// Keep leaves an existing object as it is (create only).
	Keep bool
	// KeepReplicas leaves spec.replicas of an existing object as it is.
	KeepReplicas bool
	// Embed, when set, fills in what only the host knows.
	Embed *Embed
	Why   string
}

// Embed puts a file of the host into an object: the base64 of the file at Path
// stands for Placeholder wherever a string of the object holds it.
type Embed struct {
	Placeholder string
	Path        string
}

// Wait is a state of a component that later resources stand on.
type Wait struct {
	// Probe is one of the probes that package observe knows.
	Probe Probe
	// Target is what the probe looks at: a name, an address, namespace/name.
	Target string
	// Seconds is how long it may take before it is a failure.
	Seconds int
}

// Probe is a kind of question about a component's state.
type Probe string

// The probes. Target is in parentheses.
const (
	ProbeSocket      Probe = "socket"       // the CRI answers (socket path)
	ProbeHealth      Probe = "health"       // the URL answers 200 (https URL, cluster CA)
	ProbeNode        Probe = "node"         // the Node exists (node name)
	ProbeNodeReady   Probe = "node-ready"   // the Node is Ready (node name)
	ProbeDaemonSet   Probe = "daemonset"    // every pod is available (namespace/name)
	ProbeDeployment  Probe = "deployment"   // every replica is available (namespace/name)
	ProbeServing     Probe = "serving"      // the URL answers anything at all (https URL)
	ProbeBinding     Probe = "role-binding" // the ClusterRoleBinding exists (name)
	ProbeFile        Probe = "file"         // the file exists (path)
	ProbeClusterInfo Probe = "cluster-info" // cluster-info carries a signature (token ID)
	ProbeServingCert Probe = "serving-cert" // the kubelet serves a certificate of the cluster CA (node address)
	ProbeStaticPod   Probe = "static-pod"   // it runs with the flags of its file, and the URL answers 200 (path, a space, URL)
	ProbeEtcd        Probe = "etcd"         // the cluster answers and every member but one's own is healthy (folder of its certificates, own address, and where the API does not list them the client URLs, with spaces)
)

// Host is everything one host must hold, in the order of its story.
type Host struct {
	Name      string
	Resources []Resource
}

// alike is a text that is the same on all machines that are alike, by its path.
func (s *story) alike(path string, render func() []byte, note string, readers ...string) File {
	return text(path, s.model.Text(path, render), note, readers...)
}
