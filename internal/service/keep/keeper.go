package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// keeper keeps one service running from a start to a stop, or until it may not
// be started again.
type keeper struct {
	s      *Service
	ctx    context.Context // ends with a stop
	cancel context.CancelFunc
	gone   chan struct{} // closed when the keeper has ended
	// left is why a process could not be ended; read it after gone.
	left error

	// What follows is guarded by s.mu.
	unit    unit.Unit // for the next attempt
	current *attempt
	waiting bool // between two attempts
	ended   bool
	kick    chan struct{} // ends the waiting
}

// newKeeper needs s.mu.
func newKeeper(s *Service, u unit.Unit) *keeper {
	ctx, cancel := context.WithCancel(context.Background())
	return &keeper{s: s, ctx: ctx, cancel: cancel, gone: make(chan struct{}), unit: u, current: newAttempt(), kick: make(chan struct{}, 1)}
}

// again answers a start while the keeper is at work: it returns the attempt
// under way, or, between two, begins the next one now and with the new unit.
// nil means that the keeper has given up. It needs s.mu.
func (k *keeper) again(u unit.Unit) *attempt {
	if k.ended || k.ctx.Err() != nil {
		return nil
	}
	if k.waiting {
		k.waiting = false
		k.unit = u
		k.current = newAttempt()
		k.kick <- struct{}{}
	}
	return k.current
}

// outcome is how one incarnation of a service went.
type outcome struct {
	exit process.Exit
	// err is set when it never came to run as it should.
	err error
	// start is why the attempt to start it failed, nil when it did not.
	start error
	// ran is how long the main process lived.
	ran time.Duration
}

func (o outcome) failed() bool { return o.err != nil || !o.exit.OK() }

func (o outcome) String() string {
	if o.err != nil {
		return o.err.Error()
	}
	return o.exit.String()
}

func (k *keeper) run(u unit.Unit, adopted *process.Process) {
	defer close(k.gone)
	a := k.current // before the first pause nobody else changes it
	failures := 0
	var starts []time.Time
	for {
		starts = append(starts, time.Now())
		out := k.incarnation(u, a, adopted)
		adopted = nil
		switch {
		case k.ctx.Err() != nil:
			k.finish(Inactive, out, "")
			return
		case !restarts(u.Restart, out) && out.failed():
			k.finish(Failed, out, "")
			return
		case !restarts(u.Restart, out):
			k.finish(Inactive, out, "")
			return
		}
		if u.StartLimitBurst > 0 && u.StartLimitInterval > 0 {
			starts = slices.DeleteFunc(starts, func(t time.Time) bool { return time.Since(t) > u.StartLimitInterval })
			if len(starts) >= u.StartLimitBurst {
				k.finish(Failed, out, fmt.Sprintf("; not started again: %d starts in %v (StartLimitBurst=)", len(starts), u.StartLimitInterval))
				return
			}
		} else {
			starts = nil
		}
		if out.ran >= k.s.g.ResetAfter {
			failures = 0
		}
		delay := backoff(u.RestartDelay, k.s.g.MaxDelay, failures)
		failures++
		k.s.g.Logf("%s: %v; next start in %v", k.s.name, out, delay)
		var goOn bool
		if u, a, goOn = k.pause(delay, out); !goOn {
			k.finish(Inactive, out, "")
			return
		}
	}
}

// pause waits for the next start and returns what to start it from; false when
// there is none.
func (k *keeper) pause(delay time.Duration, out outcome) (unit.Unit, *attempt, bool) {
	k.s.mu.Lock()
	k.s.state, k.s.exit = Activating, out.String()
	k.waiting = true
	last := k.current
	k.s.mu.Unlock()
	last.finish(k.explain(out))
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-k.ctx.Done():
	case <-k.kick:
	case <-timer.C:
	}
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if k.ctx.Err() != nil {
		return unit.Unit{}, nil, false
	}
	if k.waiting { // the time is over and nobody asked
		k.waiting = false
		k.current = newAttempt()
		k.current.backoff = true
		k.s.restarts++
	}
	select {
	case <-k.kick: // asked for in the moment when the time was over
	default:
	}
	return k.unit, k.current, true
}

var errStopped = errors.New("it was stopped while it was being started")

// finish ends the keeper's part in the service.
func (k *keeper) finish(state string, out outcome, more string) {
	k.s.forget()
	k.s.mu.Lock()
	k.ended = true
	current := k.current
	k.s.keeper, k.s.proc, k.s.since = nil, nil, time.Time{}
	k.s.state, k.s.exit = state, out.String()+more
	k.s.mu.Unlock()
	current.finish(k.explain(out))
	k.cancel()
	k.s.g.Logf("%s: %s: %v%s", k.s.name, state, out, more)
}

// explain is what a start is told that did not succeed.
func (k *keeper) explain(out outcome) error {
	err := out.start
	if err == nil {
		err = errStopped
	}
	return fmt.Errorf("start %s: %w", k.s.name, err)
}

// restarts says whether Restart= asks for another start; systemd.service(5)
// has the table.
func restarts(r unit.Restart, o outcome) bool {
	signalled := o.err == nil && o.exit.Signal != 0 && !o.exit.OK()
	switch r {
	case unit.RestartAlways:
		return true
	case unit.RestartOnSuccess:
		return !o.failed()
	case unit.RestartOnFailure:
		return o.failed()
	case unit.RestartOnAbnormal:
		return signalled || o.exit.Unknown || errors.Is(o.err, errTimeout)
	case unit.RestartOnAbort:
		return signalled
	}
	return false
}

// backoff doubles the unit's delay with each failure in a row, up to most. A
// unit that asks for a longer delay than most gets what it asks for.
func backoff(delay, most time.Duration, failures int) time.Duration {
	if delay >= most {
		return delay
	}
	delay = max(delay, 100*time.Millisecond)
	for range failures {
		if delay *= 2; delay >= most {
			return most
		}
	}
	return delay
}
