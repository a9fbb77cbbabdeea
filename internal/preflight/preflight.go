// Package preflight finds, before anything is changed, what would keep a host from becoming part of a cluster.
package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/preflight/subject"
)

// Target is one host and what it is to become.
type Target = subject.Target

// Finding is one thing that is, or may be, in the way.
type Finding = subject.Finding

// Run makes every check of a host, side by side. The findings have the order
// of Checks. A check that cannot be made is a warning, unless the host itself
// is out of reach: that, or a cancelled context, is the error.
func Run(ctx context.Context, t Target) ([]Finding, error) {
	if _, err := t.Host.Stat(ctx, "/proc"); err != nil {
		return nil, fmt.Errorf("cannot check %s: %w", t.Host.Name(), err)
	}
	s := subject.New(t)
	checks := Checks()
	results := make([][]Finding, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i] = c.findings(ctx, s) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("checking %s was interrupted: %w", t.Host.Name(), context.Cause(ctx))
	}
	return slices.Concat(results...), nil
}

func (c Check) findings(ctx context.Context, s *subject.Subject) []Finding {
	found, err := c.run(ctx, s)
	if err != nil {
		found = append(found, Finding{
			Warning: true,
			Message: fmt.Sprintf("cannot be checked on %s: %v", s.Host.Name(), err),
			Fix:     "nothing, if you know that it is in order",
		})
	}
	for i := range found {
		if found[i].Name == "" {
			found[i].Name = strings.TrimSuffix(c.Name, "-*")
		}
		if found[i].Fix == "" {
			found[i].Fix = c.Fix
		}
	}
	return found
}

// All is the name that ignores every check.
const All = "all"

// Ignore turns the errors of the named checks into warnings. As in kubeadm,
// names are compared without case, and "all" stands for every check and alone:
// it is an error to name others beside it.
func Ignore(found []Finding, names []string) ([]Finding, error) {
	ignored := map[string]bool{}
	for _, n := range names {
		ignored[strings.ToLower(strings.TrimSpace(n))] = true
	}
	if ignored[All] && len(ignored) > 1 {
		return nil, fmt.Errorf("ignore-preflight-errors %q: don't specify individual checks if 'all' is used", strings.Join(names, ","))
	}
	left := slices.Clone(found)
	for i, f := range left {
		if ignored[All] || ignored[strings.ToLower(f.Name)] {
			left[i].Warning = true
		}
	}
	return left, nil
}

// Failed says whether an error is left.
func Failed(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return !f.Warning })
}

// Lines writes findings as kubeadm does, warnings first: "[WARNING Swap]: ..."
// and "[ERROR NumCPU]: ...". What to do stands on the line below, indented.
func Lines(found []Finding) []string {
	var lines []string
	for _, k := range []struct {
		word    string
		warning bool
	}{{"WARNING", true}, {"ERROR", false}} {
		for _, f := range found {
			if f.Warning != k.warning {
				continue
			}
			lines = append(lines, fmt.Sprintf("[%s %s]: %s", k.word, f.Name, f.Message))
			if f.Fix != "" {
				lines = append(lines, "  what to do: "+f.Fix)
			}
		}
	}
	return lines
}
