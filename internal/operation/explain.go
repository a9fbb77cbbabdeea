package operation

import (
	"context"

	"keelway.dev/keelway/internal/cluster"
)

// ExplainOptions are what the user wants explained.
type ExplainOptions struct {
	// Cluster is what `up` would be called with; nil takes the cluster that is
	// on this machine, or the defaults.
	Cluster *cluster.Options
	// Name is a step, a phase, a component or a file; "" explains all steps.
	Name string
}

// Explanation says what makes this machine what it is, in the words of the steps
// themselves.
type Explanation struct {
	// By is the command that does these steps, such as "keelway up".
	By         string          `json:"by"`
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

// Explain says what `up` does on this machine and why, or `join` and `apply` do
// on one that is no control plane. It changes nothing and needs no cluster; of one
// file it also says how it is now.
func Explain(ctx context.Context, m *Machine, o ExplainOptions) (*Explanation, error) {
	is, err := m.expected(ctx, o.Cluster)
	if err != nil {
		return nil, err
	}
	want := is.want
	e := &Explanation{By: is.by, Host: want.Name, Kubernetes: is.kubernetes(), Profile: is.profile(), Basis: is.basis}
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
	e.File, err = m.explainFile(ctx, found.file, is)
	return e, err
}
