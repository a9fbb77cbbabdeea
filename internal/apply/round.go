package apply

import (
	"context"
	"errors"

	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// errGivenUp is why a step no longer waits.
var errGivenUp = errors.New("given up, because another step failed")

// outcome is how one step ended.
type outcome struct {
	index int
	err   error
}

// round does the steps of one plan, each as soon as those it needs have ended.
// After a failure, or when ctx ends, no new step begins; steps at hand are
// finished, but for those that only wait: what they wait for may never come. It
// returns how many steps were done.
func (o *Operation) round(ctx context.Context, p plan.Plan) (done int, err error) {
	waits, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	pending := map[string]int{} // needs that are left, by host and ID
	waiters := map[string][]int{}
	key := func(host, id string) string { return host + "\x00" + id }
	for _, s := range p.Steps {
		pending[key(s.Host, s.ID())] = 0
	}
	for i, s := range p.Steps {
		for _, n := range s.Needs {
			if _, planned := pending[key(s.Host, n)]; planned {
				pending[key(s.Host, s.ID())]++
				waiters[key(s.Host, n)] = append(waiters[key(s.Host, n)], i)
			}
		}
	}
	results := make(chan outcome)
	running, number := 0, 0
	var ready []int
	for i, s := range p.Steps {
		if pending[key(s.Host, s.ID())] == 0 {
			ready = append(ready, i)
		}
	}
	for {
		for len(ready) > 0 && err == nil && ctx.Err() == nil && (o.Limit == 0 || running < o.Limit) {
			i := ready[0]
			ready = ready[1:]
			running++
			number++
			as := ctx
			if p.Steps[i].Resource.Wait != nil {
				as = waits
			}
			go func(n int) { results <- outcome{index: i, err: o.one(as, p.Steps[i], n, len(p.Steps))} }(number)
		}
		if running == 0 {
			break
		}
		r := <-results
		running--
		s := p.Steps[r.index]
		if r.err != nil {
			if err == nil {
				err = r.err
				giveUp(errGivenUp)
			}
			continue
		}
		done++
		for _, w := range waiters[key(s.Host, s.ID())] {
			k := key(p.Steps[w].Host, p.Steps[w].ID())
			if pending[k]--; pending[k] == 0 {
				ready = append(ready, w)
			}
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && done < len(p.Steps) {
		err = errors.New("steps of the plan need each other in a circle; this is a defect of keelway")
	}
	return done, err
}

func (o *Operation) one(ctx context.Context, s plan.Step, number, total int) error {
	began := o.Now()
	e := report.Event{
		Host: s.Host, Phase: s.Resource.Phase, Step: s.ID(), What: s.Resource.What,
		Reason: s.Reason, Files: s.Paths(), Number: number, Total: total,
	}
	begin := e
	begin.Kind = report.Step
	o.emit(begin)
	err := o.Execute(ctx, s, report.Waiting(o.Events, e, o.Now))
	e.Seconds = o.Now().Sub(began).Seconds()
	if err == nil {
		e.Kind = report.Done
		o.emit(e)
		return nil
	}
	if errors.Is(context.Cause(ctx), errGivenUp) {
		err = errGivenUp
	}
	failed := &FailedError{Step: s, Cause: err}
	if ctx.Err() == nil && o.Diagnose != nil {
		failed.Diagnosis = o.Diagnose(ctx, s, err)
	}
	e.Kind, e.Detail = report.Failed, err.Error()
	if failed.Diagnosis != "" {
		e.Detail += "\n" + failed.Diagnosis
	}
	o.emit(e)
	return failed
}
