// Package step holds the few things that can be done to a host.
package step

import (
	"context"
	"fmt"
	"io"
	"path"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/service"
)

// Programs gives the programs and images of a bundle.
type Programs interface {
	// OpenBinary opens a program by its name in the bundle.
	OpenBinary(name string) (io.ReadCloser, error)
	// WriteImages writes an OCI layout as a tar stream with the images named:
	// the reference that each is to have, and the bundle's own. Layers that has
	// says yes to are left out.
	WriteImages(w io.Writer, references map[string]string, has func(layer string) bool) error
}

// Runner executes steps on one host.
type Runner struct {
	Host     host.Host
	Services service.Manager
	Bundle   Programs
	// Sums are the sha256 of the bundle's programs, in hex.
	Sums map[string]string
	// Near, when set, is a machine beside the host that has the bundle too.
	Near *Near
	// Client is the way to the API as its administrator.
	Client func(ctx context.Context) (*kube.Client, error)
	// Probe asks one question without changing anything.
	Probe func(ctx context.Context, w desired.Wait) observed.Answer
	// Random is the source of keys; Now the time that certificates are issued at.
	Random io.Reader
	Now    func() time.Time
	// GiveBack restores a path that was replaced; EndDaemon ends the built-in
	// supervisor. Both are needed for removing only.
	GiveBack  func(ctx context.Context, path string) error
	EndDaemon func(ctx context.Context) error
	// Socket is the runtime's, "" for containerd's usual one; UmountFlags are
	// added to umount.
	Socket      string
	UmountFlags []string
}

// Run executes one step to its end. waiting is called with a component's own
// words while the step waits for it.
func (r *Runner) Run(ctx context.Context, s plan.Step, waiting func(detail string)) error {
	res := s.Resource
	switch {
	case len(res.Files) > 0:
		return r.files(ctx, res.Files)
	case res.Certificate != nil:
		return r.certificate(ctx, *res.Certificate)
	case res.Keypair != nil:
		return r.keypair(ctx, *res.Keypair)
	case res.Kubeconfig != nil:
		return r.kubeconfig(ctx, *res.Kubeconfig)
	case res.Key != nil:
		return r.randomKey(ctx, *res.Key)
	case len(res.Sysctls) > 0:
		return r.sysctls(ctx, res.Sysctls)
	case res.Service != nil:
		return r.service(ctx, s.Change, res.Service.Name)
	case len(res.Images) > 0:
		return r.images(ctx, res.Images)
	case len(res.Objects) > 0:
		return r.objects(ctx, res.Objects)
	case res.Upload != nil:
		return r.upload(ctx, *res.Upload)
	case res.Rotation != nil:
		return r.rotate(ctx, *res.Rotation)
	case res.Bootstrap != nil:
		return r.bootstrap(ctx, *res.Bootstrap)
	case res.Member != nil:
		return r.member(ctx, *res.Member, waiting)
	case res.Leave != nil:
		return r.leave(ctx, *res.Leave)
	case res.Residue != nil:
		return r.residue(ctx, *res.Residue)
	case res.Wait != nil:
		return r.wait(ctx, *res.Wait, waiting)
	}
	return fmt.Errorf("step %s has nothing to do; this is a defect of keelway", s.ID())
}

func (r *Runner) service(ctx context.Context, change plan.Change, name string) error {
	if change == plan.Restart {
		return r.Services.Restart(ctx, name)
	}
	return r.Services.Start(ctx, name)
}

// wait asks until the answer is yes. The pace is quick, because what is waited
// for is usually seconds away and every question is cheap.
func (r *Runner) wait(ctx context.Context, w desired.Wait, waiting func(string)) error {
	limit := time.Duration(w.Seconds) * time.Second
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		a := r.Probe(ctx, w)
		if a.OK {
			return nil
		}
		waiting(a.Detail)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return &TimeoutError{Wait: w, Limit: limit, Answer: a.Detail}
		case <-tick.C:
		}
	}
}

// TimeoutError says what was waited for in vain.
type TimeoutError struct {
	Wait   desired.Wait
	Limit  time.Duration
	Answer string
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s %s did not come true within %s; the last answer was: %s", e.Wait.Probe, e.Wait.Target, e.Limit, e.Answer)
}

// put writes a small regular file.
func (r *Runner) put(ctx context.Context, p string, mode uint32, data []byte) error {
	return r.Host.Put(ctx, host.Entry{Path: path.Clean(p), Mode: fileMode(mode)}, newReader(data))
}
