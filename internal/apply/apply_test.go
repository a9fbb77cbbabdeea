package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

// log is a sink that keeps what it is told.
type log struct {
	mu     sync.Mutex
	events []report.Event
}

func (l *log) Emit(e report.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *log) words() []string {
	var out []string
	for _, e := range l.events {
		out = append(out, string(e.Kind)+" "+e.Step)
	}
	return out
}

func steps(chain ...string) plan.Plan {
	var p plan.Plan
	for _, c := range chain {
		id, needs, _ := strings.Cut(c, "<")
		s := plan.Step{Host: "h", Resource: desired.Resource{ID: id}}
		if needs != "" {
			s.Needs = strings.Split(needs, ",")
		}
		p.Steps = append(p.Steps, s)
	}
	return p
}

// host does what it is told: a step that was executed is gone from the next plan.
type host struct {
	mu   sync.Mutex
	left plan.Plan
	done []string
	fail map[string]error
	take map[string]time.Duration
	keep bool
}

func (h *host) decide(context.Context) (plan.Plan, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return plan.Plan{Steps: slices.Clone(h.left.Steps), Refusals: h.left.Refusals}, nil
}

func (h *host) execute(ctx context.Context, s plan.Step, waiting func(string)) error {
	if d := h.take[s.ID()]; d > 0 {
		waiting("working")
		time.Sleep(d)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fail[s.ID()]; err != nil {
		return err
	}
	h.done = append(h.done, s.ID())
	if !h.keep {
		h.left.Steps = slices.DeleteFunc(h.left.Steps, func(x plan.Step) bool { return x.ID() == s.ID() })
	}
	return nil
}

func operation(h *host, l *log) *Operation {
	return &Operation{
		Decide: h.decide, Execute: h.execute, Events: l, Now: time.Now,
		Begin:    func(context.Context, plan.Plan) error { return nil },
		Diagnose: func(_ context.Context, s plan.Step, _ error) string { return "look at " + s.ID() },
	}
}

func TestStepsRunWhenWhatTheyNeedHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{left: steps("slow", "quick", "after<slow", "last<after,quick"), take: map[string]time.Duration{"slow": time.Second, "quick": time.Millisecond}}
		l := &log{}
		began := time.Now()
		n, err := operation(h, l).Run(t.Context())
		if err != nil || n != 4 {
			t.Fatalf("%d steps, %v", n, err)
		}
		if want := []string{"quick", "slow", "after", "last"}; !slices.Equal(h.done, want) {
			t.Errorf("order %v, want %v", h.done, want)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v: slow and quick have to run side by side", took)
		}
	})
}

func TestAFailureEndsTheRunAndKeepsWhatWasDone(t *testing.T) {
	broken := errors.New("broken")
	h := &host{left: steps("a", "b<a", "c<b"), fail: map[string]error{"b": broken}}
	l := &log{}
	n, err := operation(h, l).Run(t.Context())
	var failed *FailedError
	if !errors.As(err, &failed) || !errors.Is(err, broken) || failed.Diagnosis != "look at b" || n != 1 {
		t.Fatalf("%d steps, error %v", n, err)
	}
	if want := []string{"step a", "done a", "step b", "failed b"}; !slices.Equal(l.words(), want) {
		t.Errorf("events %v, want %v", l.words(), want)
	}
	h.fail = nil
	if n, err := operation(h, l).Run(t.Context()); err != nil || n != 2 {
		t.Errorf("run again: %d steps, %v; want the 2 that were left", n, err)
	}
}

func TestAFailureEndsTheWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		h := &host{left: steps("fails", "waits", "works"), fail: map[string]error{"fails": broken}, take: map[string]time.Duration{"fails": time.Second, "works": time.Minute}}
		h.left.Steps[1].Resource.Wait = &desired.Wait{Seconds: 3600}
		o := operation(h, &log{})
		o.Execute = func(ctx context.Context, s plan.Step, waiting func(string)) error {
			if s.Resource.Wait == nil {
				return h.execute(ctx, s, waiting)
			}
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		n, err := o.Run(t.Context())
		if took := time.Since(began); !errors.Is(err, broken) || n != 1 || took != time.Minute {
			t.Errorf("%d steps, %v after %v: what works is finished, what only waits is given up", n, err, took)
		}
		got := o.Events.(*log).words()
		if want := []string{"failed fails", "failed waits", "done works"}; !slices.Equal(got[len(got)-3:], want) {
			t.Errorf("events %v, want %v at the end", got, want)
		}
	})
}

func TestCancelFinishesTheStepAtHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{left: steps("a", "b<a"), take: map[string]time.Duration{"a": time.Second}}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Millisecond); cancel() }()
		n, err := operation(h, &log{}).Run(ctx)
		if !errors.Is(err, context.Canceled) || n != 1 || !slices.Equal(h.done, []string{"a"}) {
			t.Errorf("%d steps, %v, done %v: a had begun and is finished, b is not begun", n, err, h.done)
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{left: steps("a", "b", "c", "d"), take: map[string]time.Duration{"a": time.Second, "b": time.Second, "c": time.Second, "d": time.Second}}
		o := operation(h, &log{})
		o.Limit = 2
		began := time.Now()
		if _, err := o.Run(t.Context()); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v, want 2 s: two at a time", err, time.Since(began))
		}
	})
}

func TestNothingIsBegunWithARefusal(t *testing.T) {
	h := &host{left: steps("a")}
	h.left.Refusals = []string{"no"}
	_, err := operation(h, &log{}).Run(t.Context())
	var refused *RefusedError
	if !errors.As(err, &refused) || len(h.done) > 0 {
		t.Errorf("%v, done %v", err, h.done)
	}
}

func TestNoProgressIsAnError(t *testing.T) {
	h := &host{left: steps("a"), keep: true}
	_, err := operation(h, &log{}).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no progress") || !strings.Contains(err.Error(), "a is still to do") {
		t.Errorf("error %v", err)
	}
}

// What was waited for has been seen, even if a look right after it is not answered.
func TestAWaitThatHasEndedIsNotLookedAtAgain(t *testing.T) {
	h := &host{left: steps("a", "waits<a")}
	h.left.Steps[1].Change, h.left.Steps[1].Resource.Wait = plan.Wait, &desired.Wait{Seconds: 3600}
	o := operation(h, &log{})
	o.Execute = func(ctx context.Context, s plan.Step, waiting func(string)) error {
		if s.Resource.Wait != nil {
			return nil // and it is to be done again in every plan
		}
		return h.execute(ctx, s, waiting)
	}
	if n, err := o.Run(t.Context()); err != nil || n != 3 {
		t.Errorf("%d steps, %v", n, err)
	}
}

func TestACircleIsFound(t *testing.T) {
	h := &host{left: steps("a<b", "b<a")}
	if _, err := operation(h, &log{}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("error %v", err)
	}
}

// TestARoundThatOnlyWaitsIsTheLast: on a slow machine what was waited for may be
// late again at the next look, and then at the one after it.
func TestARoundThatOnlyWaitsIsTheLast(t *testing.T) {
	h := &host{left: steps("a"), keep: true}
	h.left.Steps[0].Change = plan.Wait
	if n, err := operation(h, &log{}).Run(t.Context()); err != nil || n != 1 {
		t.Errorf("%d steps, %v", n, err)
	}
}
