// Package load reads kubeadm's configuration files: YAML or JSON, v1beta3 or v1beta4, several documents in one, with the line of everything that is wrong.
package load

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
	"keelway.dev/keelway/internal/config/document"
)

// Set is what a file holds. A kind that it does not hold is nil.
type Set struct {
	Init    *config.InitConfiguration
	Cluster *config.ClusterConfiguration
	Join    *config.JoinConfiguration
	Reset   *config.ResetConfiguration
	Upgrade *config.UpgradeConfiguration
	Kubelet *kubelet.KubeletConfiguration
	Proxy   *kubeproxy.KubeProxyConfiguration
	// Warnings are what does no harm but is not what its author meant, such as
	// fields that nobody knows.
	Warnings []Problem

	documents []document.Document
}

// Problem is one thing that is wrong in a file.
type Problem struct {
	File string
	// Line is where it stands; 0 where no line has it, as a missing field.
	Line int
	// Kind is the document's, such as "ClusterConfiguration".
	Kind string
	check.Problem
}

// String is "file:line: Kind field: message [name]".
func (p Problem) String() string {
	text := document.Problem{File: p.File, Line: p.Line, Kind: p.Kind, Path: p.Path, Message: p.Message}.String()
	if p.Name != "" {
		text += " [" + p.Name + "]"
	}
	return text
}

// Error is everything that is wrong in a file.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Options say how strict a reader is.
type Options struct {
	// Strict makes a field that nobody knows an error; otherwise it is a warning.
	Strict bool
	// Ignore names problems that kubeadm lets pass, which become warnings; "all"
	// stands for each of them.
	Ignore []string
}

// Read reads a file's documents and decodes them into kinds of v1beta4,
// without defaults. The error is an *Error with every problem.
func Read(file string, text []byte, o Options) (*Set, error) {
	documents, broken := document.Split(file, text)
	var problems []Problem
	for _, b := range broken {
		problems = append(problems, Problem{b.File, b.Line, b.Kind, check.Problem{Message: b.Message}})
	}
	s := &Set{documents: documents}
	for i := range documents {
		found, warnings := s.decode(&documents[i], o.Strict)
		problems = append(problems, found...)
		s.Warnings = append(s.Warnings, warnings...)
	}
	if len(problems) > 0 {
		return nil, &Error{problems}
	}
	return s, nil
}

// Host is what a machine fills in where a file says nothing.
type Host struct {
	// Name is the host's, Address the one that others reach it by, Version the
	// Kubernetes version to install when none is named.
	Name, Address, Version string
	// Token makes a bootstrap token; it stands where a file has none.
	Token func() config.TokenString
}

// Complete fills in defaults, kubeadm's own and those of the host, and checks
// the whole. The error is an *Error with every problem. A file with only one of
// InitConfiguration and ClusterConfiguration gets the other.
func (s *Set) Complete(h Host, o Options) error {
	var problems []Problem
	judge := func(found []check.Problem, kinds ...string) {
		for _, p := range found {
			located := s.locate(p, kinds)
			if p.Name != "" && s.ignores(o, p.Name) {
				s.Warnings = append(s.Warnings, located)
			} else {
				problems = append(problems, located)
			}
		}
	}
	if s.Init != nil || s.Cluster != nil {
		s.completeInit(h)
		judge(check.Init(s.Init, s.Cluster), "InitConfiguration", "ClusterConfiguration")
	}
	if j := s.Join; j != nil {
		config.DefaultJoin(j)
		register(&j.NodeRegistration, h, j.ControlPlane != nil)
		if p := j.ControlPlane; p != nil && p.LocalAPIEndpoint.AdvertiseAddress == "" {
			p.LocalAPIEndpoint.AdvertiseAddress = h.Address
		}
		judge(check.Join(j), "JoinConfiguration")
	}
	if r := s.Reset; r != nil {
		config.DefaultReset(r)
		r.CRISocket = socket(r.CRISocket)
		judge(check.Reset(r), "ResetConfiguration")
	}
	if u := s.Upgrade; u != nil {
		config.DefaultUpgrade(u)
		judge(check.Upgrade(u), "UpgradeConfiguration")
	}
	if len(problems) > 0 {
		return &Error{problems}
	}
	return nil
}

// ignores says whether the caller or the file itself lets a check pass; names
// are compared without case, as kubeadm does.
func (s *Set) ignores(o Options, name string) bool {
	names := slices.Clone(o.Ignore)
	if s.Init != nil {
		names = append(names, s.Init.NodeRegistration.IgnorePreflightErrors...)
	}
	if s.Join != nil {
		names = append(names, s.Join.NodeRegistration.IgnorePreflightErrors...)
	}
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) || strings.EqualFold(n, "all") })
}

// completeInit fills in what follows from the host, and from one kind for the other.
func (s *Set) completeInit(h Host) {
	if s.Init == nil {
		s.Init = &config.InitConfiguration{}
	}
	if s.Cluster == nil {
		s.Cluster = &config.ClusterConfiguration{}
	}
	for _, d := range s.documents {
		limit, err := time.ParseDuration(controlPlaneTimeout(d))
		if err == nil && (s.Init.Timeouts == nil || s.Init.Timeouts.ControlPlaneComponentHealthCheck == nil) {
			s.Init.Timeouts = cmp.Or(s.Init.Timeouts, &config.Timeouts{})
			s.Init.Timeouts.ControlPlaneComponentHealthCheck = &metav1.Duration{Duration: limit}
		}
	}
	config.DefaultInit(s.Init)
	config.DefaultCluster(s.Cluster)
	for i, t := range s.Init.BootstrapTokens {
		if h.Token != nil && (t.Token == nil || t.Token.String() == "") {
			fresh := h.Token()
			s.Init.BootstrapTokens[i].Token = &fresh
		}
	}
	register(&s.Init.NodeRegistration, h, true)
	if s.Init.LocalAPIEndpoint.AdvertiseAddress == "" {
		s.Init.LocalAPIEndpoint.AdvertiseAddress = h.Address
	}
	if s.Cluster.KubernetesVersion == "" {
		s.Cluster.KubernetesVersion = h.Version
	}
	if v := s.Cluster.KubernetesVersion; v != "" && v[0] >= '0' && v[0] <= '9' {
		s.Cluster.KubernetesVersion = "v" + v
	}
	config.DefaultFrom(s.Cluster, s.Init.LocalAPIEndpoint)
}

// register fills in the name, the socket and, where none is said, the taint.
func register(n *config.NodeRegistrationOptions, h Host, controlPlane bool) {
	n.Name = strings.ToLower(strings.TrimSpace(n.Name))
	if n.Name == "" {
		n.Name = strings.ToLower(h.Name)
	}
	n.CRISocket = socket(n.CRISocket)
	if n.Taints == nil && controlPlane {
		n.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}
	}
}

// socket adds the scheme that old files leave out.
func socket(path string) string {
	switch {
	case path == "":
		return config.DefaultCRISocket
	case !strings.HasPrefix(path, "unix"):
		return "unix://" + path
	}
	return path
}

// locate finds the document and the line of a field.
func (s *Set) locate(p check.Problem, kinds []string) Problem {
	best := Problem{Problem: p, Kind: kinds[0]}
	for _, d := range s.documents {
		if !slices.Contains(kinds, d.Kind) {
			continue
		}
		best.File = d.File
		if line, exact := d.Line(p.Path); line > 0 && (exact || best.Line == 0) {
			best.Line, best.Kind = line, d.Kind
		}
	}
	return best
}
