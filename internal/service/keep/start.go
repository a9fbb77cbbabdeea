package keep

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

var errTimeout = errors.New("timed out")

// incarnation is one life of the service: commands before it, the main process
// from its start (or adoption) to its end, and the ending of what it left. It
// finishes the attempt when that has succeeded; one that has not is finished
// by run, once the status says so too.
func (k *keeper) incarnation(u unit.Unit, a *attempt, p *process.Process) outcome {
	fail := func(err error) outcome { return outcome{err: err, start: err} }
	if p != nil {
		k.s.set(func() { k.s.proc, k.s.state = p, Active })
		a.finish(nil)
		return k.follow(u, p)
	}
	k.s.set(func() { k.s.state, k.s.notes = Activating, ignored(u) })
	spec, env, err := k.spec(u)
	if err != nil {
		return fail(err)
	}
	defer spec.Output.Close()
	for _, c := range u.StartPre {
		if out := k.command(u, spec, c, env); out.failed() && !c.MayFail {
			return fail(fmt.Errorf("ExecStartPre=%s: %v", c.Path, out))
		}
		if k.ctx.Err() != nil {
			return fail(errStopped)
		}
	}
	if u.Type == "oneshot" {
		return k.oneshot(u, a, spec, env)
	}
	var ready *notifier
	if u.Type == "notify" {
		if ready, err = listenNotify(k.s.g.Notify(k.s.name)); err != nil {
			return fail(err)
		}
		defer ready.close()
		env["NOTIFY_SOCKET"] = ready.path
	}
	if p, err = k.spawn(u, spec, u.Start[0], env); err != nil {
		return fail(err)
	}
	if ready != nil {
		if err := k.await(u, p, ready); err != nil {
			if errors.Is(err, errTimeout) || k.ctx.Err() != nil {
				k.end(u, p)
				return fail(err)
			}
			out := k.follow(u, p) // it has ended by itself, and how counts
			out.start = err
			return out
		}
	}
	k.s.set(func() { k.s.state = Active })
	a.finish(nil)
	return k.follow(u, p)
}

// follow waits for the end of the main process, or ends it when the service is stopped.
func (k *keeper) follow(u unit.Unit, p *process.Process) outcome {
	select {
	case <-p.Done():
		k.s.set(func() { k.s.proc, k.s.state = nil, Deactivating })
		k.sweep(u, p, u.StopTimeout)
	case <-k.ctx.Done():
		k.end(u, p)
	}
	k.s.mu.Lock()
	since := k.s.since
	k.s.mu.Unlock()
	return outcome{exit: p.Exit(), ran: time.Since(since)}
}

// oneshot runs the commands to their end, one after the other.
func (k *keeper) oneshot(u unit.Unit, a *attempt, spec process.Spec, env map[string]string) outcome {
	var out outcome
	for _, c := range u.Start {
		out = k.command(u, spec, c, env)
		if out.failed() && !c.MayFail {
			out.start = fmt.Errorf("%s: %v", c.Path, out)
			return out
		}
	}
	if u.RemainAfterExit && k.ctx.Err() == nil {
		k.s.set(func() { k.s.state = Active })
		a.finish(nil)
		<-k.ctx.Done()
	}
	a.finish(nil)
	return outcome{}
}

// command runs one command to its end.
func (k *keeper) command(u unit.Unit, spec process.Spec, c unit.Exec, env map[string]string) outcome {
	argv, err := c.Expand(env)
	if err != nil {
		return outcome{err: err}
	}
	spec.Path, spec.Argv, spec.Env = c.Path, argv, pairs(env)
	p, _, err := k.s.g.Spawn(spec)
	if err != nil {
		return outcome{err: err}
	}
	timer := after(u.StartTimeout)
	defer timer.Stop()
	select {
	case <-p.Done():
		return outcome{exit: p.Exit()}
	case <-timer.C:
		err = fmt.Errorf("%w after %v (TimeoutStartSec=)", errTimeout, u.StartTimeout)
	case <-k.ctx.Done():
		err = errStopped
	}
	process.SignalAll(process.Members(p.ID), syscall.SIGKILL)
	<-p.Done()
	return outcome{err: err}
}

// spawn starts the main process, with its record written before and after.
func (k *keeper) spawn(u unit.Unit, spec process.Spec, c unit.Exec, env map[string]string) (*process.Process, error) {
	argv, err := c.Expand(env)
	if err != nil {
		return nil, err
	}
	invocation, err := newInvocation()
	if err != nil {
		return nil, err
	}
	env[process.InvocationVariable] = invocation
	spec.Path, spec.Argv, spec.Env = c.Path, argv, pairs(env)
	rec := Record{ID: process.Identity{Invocation: invocation}, Since: time.Now(), Unit: u}
	k.s.set(func() { rec.Restarts, rec.Exit = k.s.restarts, k.s.exit })
	path := k.s.g.Record(k.s.name)
	if err := rec.write(path); err != nil {
		return nil, err
	}
	p, notes, err := k.s.g.Spawn(spec)
	if err != nil {
		k.s.forget()
		return nil, err
	}
	p.ID.Invocation = invocation
	k.s.set(func() {
		k.s.notes = append(ignored(u), notes...)
		k.s.proc, k.s.since = p, rec.Since
		rec.ID, rec.Notes = p.ID, k.s.notes
	})
	if err := rec.write(path); err != nil {
		// The first record is enough to find it by.
		k.s.g.Logf("%s: %v", k.s.name, err)
	}
	k.s.g.Logf("%s: started, process %d: %s", k.s.name, p.ID.PID, c.Path)
	return p, nil
}

// await waits for READY=1.
func (k *keeper) await(u unit.Unit, p *process.Process, ready *notifier) error {
	go ready.listen(p.ID.PID)
	timer := after(u.StartTimeout)
	defer timer.Stop()
	select {
	case <-ready.ready:
		return nil
	case <-p.Done():
		select { // both, in this order
		case <-ready.ready:
			return nil
		default:
		}
		return fmt.Errorf("it ended before it was ready: %v", p.Exit())
	case <-timer.C:
		return fmt.Errorf("%w: not ready after %v (TimeoutStartSec=)", errTimeout, u.StartTimeout)
	case <-k.ctx.Done():
		return errStopped
	}
}
