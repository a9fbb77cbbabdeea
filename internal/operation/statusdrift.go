package operation

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report/text"
)

// Drift is one difference between the machine and what `up` made, or what another
// command gave it.
type Drift struct {
	// Step is the step of `up` that would put it right, "" where another command
	// made the machine; Change is what it would do.
	Step   string      `json:"step"`
	Change plan.Change `json:"change"`
	// Reason is the first difference; Files are all files that differ.
	Reason string   `json:"reason"`
	Files  []string `json:"files,omitempty"`
	// Lines show the first line that differs of files that everybody may read.
	Lines []string `json:"lines,omitempty"`
}

// files leaves out the waits: how components are is asked of them apart.
func files(want desired.Host) desired.Host {
	want.Resources = slices.DeleteFunc(slices.Clone(want.Resources), func(r desired.Resource) bool { return r.Wait != nil })
	return want
}

// known completes the checksums of programs with what is there: a program whose
// right checksum nobody has written down is not compared.
func known(programs map[string]string, want desired.Host, seen observed.Host) map[string]string {
	sums := map[string]string{}
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if f.Binary == "" {
				continue
			}
			sums[f.Binary] = programs[f.Binary]
			if sums[f.Binary] == "" {
				sums[f.Binary] = seen.Files[f.Path].SHA256
			}
		}
	}
	return sums
}

// apiSilent is said of objects that cannot be compared.
const apiSilent = "the API's objects were not compared: the API does not answer"

// drift compares without asking anybody anything.
func drift(want desired.Host, seen observed.Host, in plan.Inputs, programs bool) (list []Drift, notes []string) {
	want = files(want)
	if !programs {
		notes = append(notes, "the programs were not compared: nobody has written down which ones were installed")
	}
	if !seen.API {
		notes = append(notes, apiSilent)
		want.Resources = slices.DeleteFunc(want.Resources, func(r desired.Resource) bool { return len(r.Objects) > 0 })
	}
	if seen.Images == nil {
		notes = append(notes, "the images were not compared: the container runtime does not answer")
		want.Resources = slices.DeleteFunc(want.Resources, func(r desired.Resource) bool { return len(r.Images) > 0 })
	}
	p := plan.Make(want, seen, in)
	for _, s := range p.Steps {
		d := Drift{Step: s.ID(), Change: s.Change, Reason: s.Reason}
		if len(s.Resource.Objects) > 0 {
			d.Reason = strings.Replace(d.Reason, "//", "/", 1) // the whole cluster's have no namespace
		}
		if s.Change == plan.Create || s.Change == plan.Update {
			d.Files = s.Paths()
			d.Lines = lines(s.Resource.Files, seen)
		}
		list = append(list, d)
	}
	for _, words := range p.Refusals {
		list = append(list, Drift{Change: "refused", Reason: words})
	}
	return list, append(notes, p.Notes...)
}

// lines shows where texts differ. Only a file that everybody on the machine may
// read is shown: a static pod's environment may hold a proxy's password.
func lines(files []desired.File, seen observed.Host) []string {
	var list []string
	for _, f := range files {
		have, ok := seen.Files[f.Path]
		if !ok || f.Secret || f.Content == nil || f.Mode.Perm()&0o004 == 0 || have.Mode.Perm()&0o004 == 0 {
			continue
		}
		if n, is, should := firstDifference(have.Content, f.Content); n > 0 {
			list = append(list, fmt.Sprintf("%s line %d is %q, not %q", f.Path, n, is, should))
		}
	}
	return list
}

// firstDifference returns the number, from one, of the first line that
// differs; zero for equal texts.
func firstDifference(have, want []byte) (n int, is, should string) {
	if bytes.Equal(have, want) {
		return 0, "", ""
	}
	a, b := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y || i >= len(a) || i >= len(b) {
			return i + 1, short(x), short(y)
		}
	}
	return 0, "", ""
}

func short(line string) string { return text.Cut(text.Clean(strings.TrimSpace(line)), 80, "…") }
