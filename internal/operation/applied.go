package operation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// The commands that write down what they gave a machine.
const (
	byUp    = "keelway up"
	byInit  = "keelway init"
	byJoin  = "keelway join"
	byApply = "keelway apply"
)

// writeDown is remembered for a run that has done its work: it is for words only.
// A single phase adds to what a whole run has written, and begins nothing: it made
// a small part of the machine.
func (m *Machine) writeDown(ctx context.Context, want desired.Host, sums map[string]string, by string, phases []string) {
	if last, err := observe.Applied(ctx, m.Host); len(phases) > 0 && (err != nil || last.Empty()) {
		return
	}
	if err := m.remembered(ctx, want, sums, by); err != nil {
		m.emit(report.Event{Kind: report.Warning, Host: m.Host.Name(), What: "nobody will be told later who has changed what: " + err.Error()})
	}
}

// remembered writes down on the host what it was given, for the words of a later
// plan and of status: it tells what differs then, and who has changed it.
func (m *Machine) remembered(ctx context.Context, want desired.Host, sums map[string]string, by string) error {
	last, err := observe.Applied(ctx, m.Host)
	if err != nil {
		return err
	}
	now := plan.Remember(want, sums)
	// Only a part of a host may have been applied.
	all := observed.Applied{
		By: by, Files: joined(last.Files, now.Files), Modes: joined(last.Modes, now.Modes),
		Sysctls: joined(last.Sysctls, now.Sysctls), Objects: joined(last.Objects, now.Objects),
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if old, err := observe.ReadText(ctx, m.Host, observe.AppliedPath); err == nil && old == string(text) {
		return nil
	}
	if err := m.Host.Put(ctx, host.Entry{Path: observe.AppliedPath, Mode: 0o600}, bytes.NewReader(text)); err != nil {
		return fmt.Errorf("cannot write down what %s was given: %w", m.Host.Name(), err)
	}
	return nil
}

func joined[V any](a, b map[string]V) map[string]V {
	both := maps.Clone(a)
	if both == nil {
		both = map[string]V{}
	}
	maps.Copy(both, b)
	return both
}
