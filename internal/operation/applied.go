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
	"keelway.dev/keelway/internal/plan"
)

// remembered writes down on the host what it was given, for the words of a later
// plan: it tells who has changed what differs then.
func (m *Machine) remembered(ctx context.Context, want desired.Host, sums map[string]string) error {
	last, err := observe.Applied(ctx, m.Host)
	if err != nil {
		return err
	}
	now, all := plan.Remember(want, sums), last
	// Only a part of a host may have been applied.
	all.Files, all.Sysctls, all.Objects = joined(last.Files, now.Files), joined(last.Sysctls, now.Sysctls), joined(last.Objects, now.Objects)
	if maps.Equal(all.Files, last.Files) && maps.Equal(all.Sysctls, last.Sysctls) && maps.Equal(all.Objects, last.Objects) {
		return nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := m.Host.Put(ctx, host.Entry{Path: observe.AppliedPath, Mode: 0o600}, bytes.NewReader(text)); err != nil {
		return fmt.Errorf("cannot write down what %s was given: %w", m.Host.Name(), err)
	}
	return nil
}

func joined(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, b)
	return both
}
