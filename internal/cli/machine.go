package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/release"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/service/supervisor"
)

// onMachine gives do this machine, and keeps a second keelway from changing it
// at the same time. A failed operation is reported as an event.
func (s streams) onMachine(ctx context.Context, events report.Sink, do func(*operation.Machine) error) error {
	m, err := s.machine(ctx, events)
	if err != nil {
		return err
	}
	release, err := operation.Lock(ctx, m)
	if err != nil {
		return err
	}
	defer release()
	err = do(m)
	if err == nil {
		return nil
	}
	var failed *apply.FailedError
	e := report.Event{Kind: report.Failed, Host: m.Host.Name(), Time: m.Now(), What: "failed", Detail: err.Error()}
	var refused *apply.RefusedError
	var unfit *operation.PreflightError
	switch {
	case errors.As(err, &refused), errors.As(err, &unfit):
		e.What = "not begun"
	case ctx.Err() != nil:
		e.What, e.Detail = "interrupted", "what was done stays; run the same command again to go on"
	case errors.As(err, &failed):
		e.What, e.Detail = "stopped at "+failed.Step.ID(), "what was done stays; after the fix, run the same command again"
	}
	events.Emit(e)
	return silentError{err}
}

// machine looks at this machine.
func (s streams) machine(ctx context.Context, events report.Sink) (*operation.Machine, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	h, err := local.New(name)
	if err != nil {
		return nil, err
	}
	services, err := service.Detect(ctx, h, supervisor.Options{Command: []string{desired.SelfPath, "supervise"}})
	if err != nil {
		return nil, err
	}
	return operation.NewMachine(ctx, h, services, events)
}

func addOutput(c *cobra.Command, into *string) {
	c.Flags().StringVarP(into, "output", "o", "text", "text, or json for one event a line")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(report.Formats(), cobra.ShellCompDirectiveNoFileComp))
}

func noColor(c *cobra.Command) bool {
	v, _ := c.Flags().GetBool("no-color")
	return v
}

// findBundle returns the bundle that the user named, or the one that lies
// where builds and packages put it.
func findBundle(named, self, kubernetes string) (string, error) {
	if named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", fmt.Errorf("no bundle: %w; build one with `make bundle`", err)
		}
		return filepath.Abs(named)
	}
	r := release.Default()
	if kubernetes != "" {
		var err error
		if r, err = release.For(kubernetes); err != nil {
			return "", err
		}
	}
	file := fmt.Sprintf("keelway-bundle-%s-linux-amd64.tar.zst", r.Kubernetes)
	dir := filepath.Dir(self)
	places := []string{
		filepath.Join(dir, file), filepath.Join(dir, "..", "dist", file), filepath.Join("dist", file),
		filepath.Join("/usr/share/keelway", file), filepath.Join("/var/lib/keelway", file),
	}
	for _, p := range places {
		if _, err := os.Stat(p); err == nil {
			return filepath.Abs(p)
		}
	}
	return "", fmt.Errorf("no bundle for Kubernetes %s: %s is in none of the usual places (beside keelway, dist, /usr/share/keelway); name it with --bundle or build it with `make bundle`", r.Kubernetes, file)
}
