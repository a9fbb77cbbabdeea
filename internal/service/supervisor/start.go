package supervisor

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

var (
	errTimeout = errors.New("timed out")
	errLeaving = errors.New("the supervisor is ending")
)

// incarnation is one life of the service: commands before it, the main process
// from its start (or adoption) to its end, and the ending of what it left. It
// finishes the attempt when that has succeeded; one that has not is finished
// by run, once the status says so too.
func (k *keeper) incarnation(u unit.Unit, a *attempt, p *process.Process) outcome {
	fail := func(err error) outcome { return outcome{err: err, start: err} }
	if p != nil {
		k.s.set(func() { k.s.proc, k.s.state = p, active })
		a.finish(nil)
		return k.follow(u, p)
	}
	k.s.set(func() { k.s.state, k.s.notes = activating, ignored(u) })
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
		if ready, err = listenNotify(k.s.d.o.notify(k.s.name)); err != nil {
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
	k.s.set(func() { k.s.state = active })
	a.finish(nil)
	return k.follow(u, p)
}

// follow waits for the end of the main process, or ends it when the service is stopped.
func (k *keeper) follow(u unit.Unit, p *process.Process) outcome {
	select {
	case <-p.Done():
		k.s.set(func() { k.s.proc, k.s.state = nil, deactivating })
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
		k.s.set(func() { k.s.state = active })
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
	p, _, err := k.s.d.spawn(spec)
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
	path := k.s.d.o.Record(k.s.name)
	if err := rec.write(path); err != nil {
		return nil, err
	}
	p, notes, err := k.s.d.spawn(spec)
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
		k.s.d.logf("%s: %v", k.s.name, err)
	}
	k.s.d.logf("%s: started, process %d: %s", k.s.name, p.ID.PID, c.Path)
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

// spec is what all commands of the unit have in common, and their variables.
func (k *keeper) spec(u unit.Unit) (process.Spec, map[string]string, error) {
	base := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cred, err := credential(u, base)
	if err != nil {
		return process.Spec{}, nil, err
	}
	env, err := u.Env(base)
	if err != nil {
		return process.Spec{}, nil, err
	}
	limits, err := limits(u)
	if err != nil {
		return process.Spec{}, nil, err
	}
	if err := os.MkdirAll(k.s.d.o.LogDir, 0o755); err != nil {
		return process.Spec{}, nil, err
	}
	out, err := logfile.Open(k.s.d.o.Log(k.s.name))
	if err != nil {
		return process.Spec{}, nil, err
	}
	return process.Spec{
		Dir: u.WorkingDirectory, Output: out, Limits: limits, Credential: cred,
		Umask: u.Umask, OOMScoreAdjust: u.OOMScoreAdjust,
	}, env, nil
}

func limits(u unit.Unit) ([]process.Limit, error) {
	// systemd's default: programs that use select(2) break above 1024.
	all := []process.Limit{{Name: "NOFILE", Resource: unix.RLIMIT_NOFILE, Soft: 1024, Hard: 0}}
	for _, l := range u.Limits {
		n, ok := resource(l.Resource)
		if !ok {
			return nil, fmt.Errorf("the unit has an unknown Limit%s=", l.Resource)
		}
		p := process.Limit{Name: l.Resource, Resource: n, Soft: l.Soft, Hard: l.Hard}
		if n == unix.RLIMIT_NOFILE {
			all[0] = p
			continue
		}
		all = append(all, p)
	}
	return all, nil
}

func resource(name string) (int, bool) {
	n, ok := map[string]int{
		"CPU": unix.RLIMIT_CPU, "FSIZE": unix.RLIMIT_FSIZE, "DATA": unix.RLIMIT_DATA, "STACK": unix.RLIMIT_STACK,
		"CORE": unix.RLIMIT_CORE, "RSS": unix.RLIMIT_RSS, "NOFILE": unix.RLIMIT_NOFILE, "AS": unix.RLIMIT_AS,
		"NPROC": unix.RLIMIT_NPROC, "MEMLOCK": unix.RLIMIT_MEMLOCK, "LOCKS": unix.RLIMIT_LOCKS,
		"SIGPENDING": unix.RLIMIT_SIGPENDING, "MSGQUEUE": unix.RLIMIT_MSGQUEUE, "NICE": unix.RLIMIT_NICE,
		"RTPRIO": unix.RLIMIT_RTPRIO, "RTTIME": unix.RLIMIT_RTTIME,
	}[name]
	return n, ok
}

func ignored(u unit.Unit) []string {
	var notes []string
	for _, d := range u.Ignored {
		notes = append(notes, d+" is not supported by the built-in supervisor and has no effect")
	}
	return notes
}

func newInvocation() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(b[:]), nil
}

func pairs(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// after is a timer that never fires for 0.
func after(d time.Duration) *time.Timer {
	if d <= 0 {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(d)
}

// forget takes the record away.
func (s *service) forget() {
	if err := os.Remove(s.d.o.Record(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.d.logf("%s: %v", s.name, err)
	}
}
