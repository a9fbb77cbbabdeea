// Package apply carries out plans: observe, decide, do, and again until nothing is left to do.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// Operation is one run of the loop on one host. All fields are needed but
// Diagnose.
type Operation struct {
	// Decide observes and returns what is left to do.
	Decide func(ctx context.Context) (plan.Plan, error)
	// Begin is called with each plan before its first step.
	Begin func(ctx context.Context, p plan.Plan) error
	// Execute does one step to its end.
	Execute func(ctx context.Context, s plan.Step, waiting func(detail string)) error
	// Diagnose explains a failed step: what is at fault and what to do next.
	Diagnose func(ctx context.Context, s plan.Step, cause error) string
	Events   report.Sink
	Now      func() time.Time
	// Limit is how many steps may run side by side; 0 is no limit.
	Limit int
}

// Rounds bounds the loop: one round does everything, the second finds nothing
// left, the others are for what changed meanwhile.
const Rounds = 4

// RefusedError says that a plan was not begun, and why.
type RefusedError struct{ Refusals []string }

func (e *RefusedError) Error() string {
	text := "nothing was changed:"
	for _, r := range e.Refusals {
		text += "\n  " + r
	}
	return text
}

// FailedError is a step that failed, with its diagnosis.
type FailedError struct {
	Step      plan.Step
	Cause     error
	Diagnosis string
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("%s: %s failed: %v", e.Step.Host, e.Step.ID(), e.Cause)
}

func (e *FailedError) Unwrap() error { return e.Cause }

// Run loops until nothing is left to do, and every wait has seen its end, and
// returns how many steps were done.
// It fails when a step fails, when the decision refuses, and when a round
// leaves the same steps to do as the one before. A round that only waits is the
// last: on a slow machine, another component is late at each look.
func (o *Operation) Run(ctx context.Context) (steps int, err error) {
	var before []string
	for range Rounds {
		p, err := o.Decide(ctx)
		if err != nil {
			return steps, err
		}
		if len(p.Refusals) > 0 {
			return steps, &RefusedError{Refusals: p.Refusals}
		}
		if steps == 0 {
			for _, n := range p.Notes {
				o.emit(report.Event{Kind: report.Note, What: n})
			}
		}
		if p.Empty() {
			return steps, nil
		}
		now := fingerprint(p)
		if before != nil && slices.Equal(before, now) {
			return steps, fmt.Errorf("no progress on %s: after doing it, %s is still to do because %s",
				p.Steps[0].Host, p.Steps[0].ID(), p.Steps[0].Reason)
		}
		before = now
		if err := o.Begin(ctx, p); err != nil {
			return steps, err
		}
		done, err := o.round(ctx, p)
		steps += done
		// Each wait has just seen its end. Asked once more, what is busy, such as
		// another machine that joins, might not answer in time.
		if err != nil || p.OnlyWaits() {
			return steps, err
		}
	}
	return steps, errors.New("what is desired keeps changing back: something else on the host writes the same files or objects")
}

func fingerprint(p plan.Plan) []string {
	var ids []string
	for _, s := range p.Steps {
		ids = append(ids, s.Host+" "+s.ID()+" "+s.Reason)
	}
	return ids
}

func (o *Operation) emit(e report.Event) {
	e.Time = o.Now()
	o.Events.Emit(e)
}
