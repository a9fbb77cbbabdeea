package operation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/report"
)

// UpOptions are what the user chose for `keelway up`.
type UpOptions struct {
	Cluster cluster.Options
	// FindBundle returns the path of the bundle for a Kubernetes version ("" is
	// the newest), a folder or a .tar.zst.
	FindBundle func(kubernetes string) (string, error)
	// Self is the path of the program that runs.
	Self string
	// IgnorePreflight are the names of checks whose errors become warnings.
	IgnorePreflight []string
	// Built is when the program was built, if known: no clock can be before it.
	Built time.Time
	// Until names the last phase to do, for people who go step by step; "" does all.
	Until string
	// Prove is true when the proof is to run even if nothing had to be done.
	Prove bool
	// KubeConfig is the user's own kubeconfig, which learns of the cluster; "" for none.
	KubeConfig string
}

// UpResult is what `keelway up` came to.
type UpResult struct {
	Model *cluster.Model
	Steps int
	// Proof are the lines of what was proved; none when nothing had changed.
	Proof []string
}

// Up makes this machine a cluster: preflight, install, start, prove.
func Up(ctx context.Context, m *Machine, o UpOptions) (*UpResult, error) {
	began := m.Now()
	var err error
	if o.Cluster, err = m.keep(ctx, o.Cluster); err != nil {
		return nil, err
	}
	path, err := o.FindBundle(o.Cluster.KubernetesVersion)
	if err != nil {
		return nil, err
	}
	model, err := m.model(ctx, o.Cluster)
	if err != nil {
		return nil, err
	}
	node := model.Hosts[0].Init.NodeRegistration.Name
	m.emit(report.Event{Kind: report.Start, Host: m.Host.Name(),
		What: fmt.Sprintf("keelway up · Kubernetes %s · node %s · profile %s · services under %s",
			model.Release.Kubernetes, node, model.Profile, m.Services.Kind())})
	whole := desired.For(model, 0)
	want := whole
	if o.Until != "" {
		if want, err = whole.Until(o.Until); err != nil {
			return nil, &WishError{err}
		}
	}
	if err := m.preflight(ctx, model, whole, o); err != nil {
		return nil, err
	}
	m.Wish.Ignore = o.IgnorePreflight
	if err := m.refuse(ctx, want); err != nil {
		return nil, err
	}
	kit, err := m.openBundle(ctx, path, o.Self, model)
	if err != nil {
		return nil, err
	}
	result := &UpResult{Model: model}
	note := func(ctx context.Context) error { return m.SaveOptions(ctx, o.Cluster, model, kit.sums) }
	if result.Steps, err = m.converge(ctx, want, kit.programs, kit.sums, note, m.diagnose(model, byUp)); err != nil {
		return result, err
	}
	if err := note(ctx); err != nil {
		return result, err
	}
	if o.Until != "" {
		m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: "done until " + o.Until, Seconds: m.Now().Sub(began).Seconds(), Total: result.Steps})
		return result, nil
	}
	if result.Steps > 0 || o.Prove || m.isUnproven(ctx) {
		if result.Proof, err = m.prove(ctx, model); err != nil {
			return result, err
		}
	}
	if o.KubeConfig != "" {
		if err := m.shareKubeconfig(ctx, o.KubeConfig); err != nil {
			return result, err
		}
	}
	m.emit(report.Event{Kind: report.Done, Host: m.Host.Name(), What: summary(result), Seconds: m.Now().Sub(began).Seconds(), Total: result.Steps})
	return result, nil
}

func summary(r *UpResult) string {
	if r.Steps == 0 {
		return "nothing to do: the cluster is as desired"
	}
	return "cluster ready"
}

// model makes the cluster's model from what the user chose and what the host is.
func (m *Machine) model(ctx context.Context, o cluster.Options) (*cluster.Model, error) {
	facts, err := observe.Facts(ctx, m.Host)
	if err != nil {
		return nil, err
	}
	o.Facts, o.Now = facts, m.Now()
	model, err := cluster.New(o)
	if err != nil {
		return nil, &WishError{err}
	}
	return model, nil
}

// WishError says that what the user asked for cannot be, on any machine or on
// this one; nothing was begun.
type WishError struct{ err error }

func (e *WishError) Error() string { return e.err.Error() }
func (e *WishError) Unwrap() error { return e.err }

// openBundle opens the bundle, and proves that it holds all that is desired
// before the host is touched.
func (m *Machine) openBundle(ctx context.Context, path, self string, model *cluster.Model) (*Kit, error) {
	began := m.Now()
	e := report.Event{Kind: report.Step, Host: m.Host.Name(), Phase: "bundle", Step: "bundle/open", What: "open and check the bundle " + path}
	m.emit(e)
	b, err := bundle.Open(ctx, path, prior.Dir+"/bundle")
	if err != nil {
		return nil, err
	}
	kit, err := NewKit(b, self, model)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	e.Kind, e.Seconds = report.Done, m.Now().Sub(began).Seconds()
	m.emit(e)
	return kit, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (m *Machine) emit(e report.Event) {
	e.Time = m.Now()
	m.Events.Emit(e)
}
