package operation

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/step"
)

// Kit is what a host is installed from: an opened bundle and this program.
type Kit struct {
	programs
	sums map[string]string
}

// NewKit takes the programs that a model needs out of an opened bundle, which
// is proved to hold all of them and every image; self is the path of this
// program, which is installed beside them and runs on no other kind of machine.
func NewKit(b *bundle.Bundle, self string, model *cluster.Model) (*Kit, error) {
	names := desired.Binaries(model)
	want := bundle.Want{
		Kubernetes: model.Release.Kubernetes, OS: runtime.GOOS, Arch: runtime.GOARCH, Images: desired.Images(model),
		Binaries: slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == desired.Self }),
	}
	if err := want.Check(b.Manifest); err != nil {
		return nil, &WishError{fmt.Errorf("nothing was changed, because the bundle does not hold what the cluster is made from: %w", err)}
	}
	k := &Kit{programs: programs{Bundle: b, self: self}, sums: map[string]string{}}
	var err error
	for _, name := range names {
		if name == desired.Self {
			if k.sums[name], err = fileSum(self); err != nil {
				return nil, err
			}
			continue
		}
		_, one, err := b.Binary(name)
		if err != nil {
			return nil, err
		}
		k.sums[name] = one.SHA256
	}
	return k, nil
}

// Near is the same kit, of which programs and images come from the address of a
// machine beside the host that serves the bundle.
func (k *Kit) Near(address string) *Kit {
	near := *k
	near.near = &step.Near{Address: address, Manifests: map[string]string{}}
	for _, image := range k.Images() {
		near.near.Manifests[image.Reference] = image.Manifest
	}
	return &near
}

// Program opens this program, and returns its sha256 in hex.
func (k *Kit) Program() (content io.ReadCloser, sum string, err error) {
	if sum, err = fileSum(k.self); err != nil {
		return nil, "", err
	}
	content, err = k.OpenBinary(desired.Self)
	return content, sum, err
}

// Plan is what is left to do on the machine.
func (m *Machine) Plan(ctx context.Context, want desired.Host, k *Kit) (plan.Plan, error) {
	seen, err := m.Observer.Look(ctx, want)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.Make(want, seen, plan.Inputs{Binaries: k.sums, Now: m.Now()}), nil
}

// Converge makes the machine what want says, and returns how many steps it took.
func (m *Machine) Converge(ctx context.Context, model *cluster.Model, want desired.Host, k *Kit) (int, error) {
	steps, err := m.converge(ctx, want, k.programs, k.sums, func(context.Context) error { return nil }, m.diagnose(model, byApply))
	if err != nil {
		return steps, err
	}
	m.writeDown(ctx, want, k.sums, byApply, nil)
	return steps, nil
}

// Check makes every preflight check of `up` for a host of a fleet.
func (m *Machine) Check(ctx context.Context, model *cluster.Model, want desired.Host, o UpOptions) error {
	return m.preflight(ctx, model, want, o)
}

// Prove shows that the cluster answers, and returns a line for each thing proved.
func (m *Machine) Prove(ctx context.Context, model *cluster.Model) ([]string, error) {
	return m.prove(ctx, model)
}

// Unproven tells whether a run has ended before it had proved what it did.
func (m *Machine) Unproven(ctx context.Context) bool { return m.isUnproven(ctx) }

// Through has the machine call the API through another one's administrator: its
// own API server, if it will have one, does not answer yet.
func (m *Machine) Through(admin *kube.Admin) {
	m.Client = admin
	m.Observer.Cluster = observe.Cluster{Client: admin.Client}
}
