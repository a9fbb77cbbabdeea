package operation

import (
	"context"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
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
