package operation

import (
	"context"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/plan"
)

// sources are where components are looked at.
func (m *Machine) sources() state.Sources {
	return state.Sources{Host: m.Host, Services: m.Services, Client: m.Client.Client, Now: m.Now}
}

// diagnose explains a failed step.
func (m *Machine) diagnose(model *cluster.Model, by string) func(context.Context, plan.Step, error) string {
	return func(ctx context.Context, s plan.Step, cause error) string {
		return diagnose.Diagnose(ctx, diagnose.Sources{Sources: m.sources(), Model: model, By: by}, s, cause)
	}
}

// Examine looks for what does not work on this machine, and why; installed is
// false where there is no cluster.
func Examine(ctx context.Context, m *Machine) (found []diagnose.Diagnosis, installed bool, err error) {
	is, err := m.expected(ctx, nil)
	if err != nil {
		return nil, false, err
	}
	found, installed = diagnose.Examine(ctx, diagnose.Sources{Sources: m.sources(), Model: is.model, By: is.by})
	return found, installed, nil
}
