package operation

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
)

// compare says what differs on the machine, from what it was given or from what
// `up` makes, and which of the two; "" where there is nothing to compare with.
func (m *Machine) compare(ctx context.Context, e *expectation, seen observed.Host) (with string, list []Drift, notes []string) {
	in := plan.Inputs{Binaries: known(e.programs, e.want, seen), Now: m.Now()}
	switch {
	case e.up():
		with = byUp
		list, notes = drift(e.want, seen, in, len(e.programs) > 0)
	case e.given.Empty():
		return "", nil, []string{"nobody has written down what this machine was given, so nothing was compared"}
	default:
		with = e.given.By
		list = driftGiven(e.given, seen)
		if !e.main() {
			return with, list, nil
		}
		if objects := plan.Given(e.want, e.given); seen.API {
			more, _ := drift(objects, seen, in, true)
			list = append(list, more...)
		} else {
			notes = append(notes, apiSilent)
		}
	}
	if seen.API && e.main() {
		notes = append(notes, m.unlike(ctx, e.host().Facts, notes)...)
	}
	return with, list, notes
}

// looked is what is to be read of a machine to compare it: what it wants, and all
// files and kernel settings that it was given.
func (e *expectation) looked() desired.Host {
	want := files(e.want)
	var given desired.Resource
	for _, p := range slices.Sorted(maps.Keys(e.given.Files)) {
		given.Files = append(given.Files, desired.File{Path: p, Mode: e.given.Modes[p]})
	}
	for _, name := range slices.Sorted(maps.Keys(e.given.Sysctls)) {
		given.Sysctls = append(given.Sysctls, desired.Sysctl{Name: name, Value: e.given.Sysctls[name]})
	}
	want.Resources = append(want.Resources, given)
	return want
}

// driftGiven compares with what was written down. Who wrote it knew what it meant
// them to be; here only that they are not so any more is known.
func driftGiven(given observed.Applied, seen observed.Host) []Drift {
	var list []Drift
	for _, p := range slices.Sorted(maps.Keys(given.Files)) {
		have, ok := seen.Files[p]
		words := fileGiven(given, p, have, ok)
		if words == "" {
			continue
		}
		d := Drift{Change: plan.Update, Reason: p + " " + words, Files: []string{p}}
		if !ok {
			d.Change = plan.Create
		}
		list = append(list, d)
	}
	for _, name := range slices.Sorted(maps.Keys(given.Sysctls)) {
		if have := seen.Sysctls[name]; have != given.Sysctls[name] {
			list = append(list, Drift{Change: plan.Update, Reason: fmt.Sprintf("%s is %q, not %q", name, have, given.Sysctls[name])})
		}
	}
	return list
}

// fileGiven says how a file differs from the one that was given, "" for not at
// all, or where none was.
func fileGiven(given observed.Applied, p string, have observed.File, exists bool) string {
	sum, ok := given.Files[p]
	mode, known := given.Modes[p]
	switch {
	case !ok:
		return ""
	case !exists:
		return "is missing"
	case have.Mode.Type() != 0 || have.SHA256 != sum:
		return "has another content"
	case known && have.Mode.Perm() != mode.Perm():
		return fmt.Sprintf("has mode %04o, not %04o", have.Mode.Perm(), mode.Perm())
	}
	return ""
}
