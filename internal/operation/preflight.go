package operation

import (
	"context"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/preflight"
	"keelway.dev/keelway/internal/report"
)

// preflight makes every check before anything is changed. Warnings are
// reported; an error that is not ignored is a PreflightError.
func (m *Machine) preflight(ctx context.Context, model *cluster.Model, want desired.Host, o UpOptions) error {
	record := m.Prior.Record()
	found, err := preflight.Run(ctx, preflight.Target{
		Host: m.Host, Model: model, Desired: want, Now: m.Now(), Built: o.Built,
		AddressChosen: o.Cluster.AdvertiseAddress != "",
		Wrote:         func(path string) bool { _, ok := record.Paths[path]; return ok },
	})
	if err != nil {
		return err
	}
	if found, err = preflight.Ignore(found, o.IgnorePreflight); err != nil {
		return err
	}
	if preflight.Failed(found) {
		return &PreflightError{Lines: preflight.Lines(found)}
	}
	for _, line := range preflight.Lines(found) {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), Phase: "preflight", What: line})
	}
	return nil
}
