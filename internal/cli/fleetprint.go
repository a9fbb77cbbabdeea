package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/plan/diff"
)

// planDocument is a fleet's plan as data; fields are added, never renamed.
type planDocument struct {
	// Fingerprint is the same for two plans of the same steps for the same reasons.
	Fingerprint string      `json:"fingerprint"`
	Stages      []planStage `json:"stages"`
	Refusals    []string    `json:"refusals,omitempty"`
	Notes       []string    `json:"notes,omitempty"`
}

type planStage struct {
	Name string `json:"name"`
	// Serial hosts are done one after the other.
	Serial bool       `json:"serial,omitempty"`
	Hosts  []planHost `json:"hosts"`
}

type planHost struct {
	Host  string     `json:"host"`
	Part  plan.Part  `json:"part"`
	Steps []planStep `json:"steps"`
}

type planStep struct {
	ID     string      `json:"id"`
	Change plan.Change `json:"change"`
	What   string      `json:"what"`
	Reason string      `json:"reason"`
	// Origins are where it was changed since the last apply: file, host, cluster.
	Origins []plan.Origin `json:"origins,omitempty"`
	Files   []string      `json:"files,omitempty"`
	Needs   []string      `json:"needs,omitempty"`
	// Diffs are how files and objects change, without what is secret; a plan that
	// is saved has none.
	Diffs []diff.Diff `json:"diffs,omitempty"`
}

// documentOf makes data of a plan; diffs gives the differences of a step.
func documentOf(p plan.Fleet, diffs func(plan.Step) []diff.Diff) planDocument {
	d := planDocument{Stages: []planStage{}, Refusals: p.Refusals, Notes: p.Notes}
	sum := sha256.New()
	for _, s := range p.Stages {
		stage := planStage{Name: s.Name, Serial: s.Serial}
		for _, h := range s.Hosts {
			host := planHost{Host: h.Host, Part: h.Part}
			for _, one := range h.Plan.Steps {
				host.Steps = append(host.Steps, planStep{one.ID(), one.Change, one.Resource.What, one.Reason, one.Origins, one.Paths(), one.Needs, diffs(one)})
				if one.Change != plan.Wait { // what a component answers changes by itself
					fmt.Fprintln(sum, s.Name, h.Host, one.ID(), one.Change, one.Reason)
				}
			}
			stage.Hosts = append(stage.Hosts, host)
		}
		d.Stages = append(d.Stages, stage)
	}
	d.Fingerprint = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return d
}

func noDiffs(plan.Step) []diff.Diff { return nil }

func printFleetJSON(out io.Writer, p plan.Fleet, diffs func(plan.Step) []diff.Diff) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(documentOf(p, diffs))
}

// savePlan writes a plan for `keelway apply --plan`. It holds no content of a
// file, and so no secret.
func savePlan(path string, p plan.Fleet) error {
	var b strings.Builder
	if err := printFleetJSON(&b, p, noDiffs); err != nil {
		return err
	}
	temp := path + ".tmp"
	if err := os.WriteFile(temp, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// printFleet shows a plan to people.
func printFleet(out io.Writer, p plan.Fleet, l look) {
	paint := l.painter(out)
	for _, n := range p.Notes {
		fmt.Fprintln(out, "note: "+n)
	}
	for _, r := range p.Refusals {
		fmt.Fprintln(out, paint("31", "refused: ")+r)
	}
	if p.Changes() == 0 {
		if len(p.Refusals) == 0 {
			fmt.Fprintln(out, "nothing to do: the cluster is as the file says")
		}
		for _, w := range p.Waits() {
			fmt.Fprintln(out, paint("33", "does not answer at the moment: ")+w)
		}
		return
	}
	colours := map[plan.Change]string{plan.Create: "32", plan.Remove: "31", plan.Update: "33", plan.Restart: "33"}
	for _, s := range p.Stages {
		how := "side by side"
		if s.Serial {
			how = "one after the other"
		}
		fmt.Fprintf(out, "\n%s, %s\n", paint("1", s.Name), how)
		for _, h := range s.Hosts {
			fmt.Fprintf(out, "  %s (%s): %d steps\n", paint("1", h.Host), h.Part, len(h.Plan.Steps))
			for _, one := range h.Plan.Steps {
				if one.Change == plan.Wait && !l.verbose {
					continue
				}
				fmt.Fprintf(out, "    %s %-34s %s\n", paint(colours[one.Change], fmt.Sprintf("%-7s", one.Change)), one.ID(), one.Resource.What)
				if l.verbose || len(one.Origins) > 0 || one.Change == plan.Update || one.Change == plan.Restart || one.Change == plan.Remove {
					fmt.Fprintf(out, "            because %s%s\n", one.Reason, changedBy(one.Origins))
				}
				if l.verbose {
					for _, path := range one.Paths() {
						fmt.Fprintln(out, "            "+path)
					}
				}
				l.printDiffs(out, one)
			}
		}
	}
	fmt.Fprintf(out, "\n%d steps on %d hosts; nothing was changed\n", p.Steps(), hostsOf(p))
	printOrigins(out, p)
}

func hostsOf(p plan.Fleet) int {
	names := map[string]bool{}
	for _, s := range p.Stages {
		for _, h := range s.Hosts {
			names[h.Host] = true
		}
	}
	return len(names)
}

// consent decides whether an apply may begin: by the plan that was saved, by
// --yes, or by an answer at the terminal.
func (s streams) consent(o *fleetFlags, l look, saved string, yes bool) func(plan.Fleet) error {
	return func(p plan.Fleet) error {
		if saved != "" {
			text, err := os.ReadFile(saved)
			if err != nil {
				return usageError{err}
			}
			var d planDocument
			if err := json.Unmarshal(text, &d); err != nil {
				return usageError{fmt.Errorf("%s is no saved plan: %w", saved, err)}
			}
			if now := documentOf(p, noDiffs).Fingerprint; d.Fingerprint != now {
				return usageError{fmt.Errorf("the machines are not as they were when %s was made, so it is not done: look at `keelway plan -f %s` again", saved, o.file)}
			}
			return nil
		}
		if yes || p.Empty() || len(p.Refusals) > 0 {
			return nil
		}
		if o.output != "json" {
			printFleet(s.out, p, l)
		}
		return s.confirm(fmt.Sprintf("This changes %d hosts.", hostsOf(p)))
	}
}

func exitError(code int) error { return &operation.ExitError{Code: code} }

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
