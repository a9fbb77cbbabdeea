package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

func newInit(s streams) *cobra.Command {
	o := &initFlags{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Make this machine the first control plane, as kubeadm does",
		Long: `Make this machine the first control plane of a cluster, with kubeadm's flags,
configuration, phases and files. A container runtime must be there; 'keelway up
--until sysctl' installs one with the pod network's plugins. Images come from the
bundle; what it does not hold, from the --image-repository that you choose. Run
again after it was interrupted, it goes on where it was.`,
		Example: `  keelway init --pod-network-cidr 10.244.0.0/16
  keelway init --config kubeadm.yaml --upload-certs
  keelway init phase certs all --config kubeadm.yaml`,
	}
	workflow{
		tree: phase.Init(), flags: o.add,
		run: func(c *cobra.Command, _, only []string) error { return s.init(c, o, only) },
	}.bind(c)
	return c
}

// init reads the flags, and runs `init` or some phases of it.
func (s streams) init(c *cobra.Command, o *initFlags, only []string) error {
	opt := operation.InitOptions{
		KubeconfigDir: o.dir, Kubeconfig: o.kubeconfig, UploadCerts: o.upload,
		Workflow: operation.Workflow{
			File: o.config, Only: only, Skip: o.skip, Patches: o.patches,
			Load:            load.Options{Strict: o.strict, Ignore: o.ignore},
			IgnorePreflight: o.ignore, DryRun: o.dryRun || o.printManifest, Tree: o.rootfs != "", Self: s.self, Built: builtAt(),
			FindBundle: func(kubernetes string) (string, error) { return findBundle(o.bundle, s.self, kubernetes) },
		},
	}
	if o.config != "" {
		opt.NodeName = o.init.NodeRegistration.Name
	}
	format := o.output
	if opt.DryRun && format == "text" {
		format = "quiet"
	}
	events, end, err := s.events(c, format, o.verbose)
	if err != nil {
		return usageError{err}
	}
	defer end()
	ctx := c.Context()
	work := func(m *operation.Machine) error {
		if opt.File == "" {
			opt.File = operation.FromFlags
			if opt.Text, err = o.documents(); err != nil {
				return usageError{err}
			}
		} else if opt.Text, err = os.ReadFile(opt.File); err != nil {
			return usageError{err}
		}
		r, err := operation.Init(ctx, m, opt)
		if err != nil {
			return err
		}
		end()
		s.afterInit(o, only, r)
		return nil
	}
	if opt.Tree {
		return s.inTree(ctx, events, o.rootfs, only, &opt, work)
	}
	here := func(m *operation.Machine) error {
		if opt.Facts, err = operation.InitFacts(ctx, m); err != nil {
			return err
		}
		return work(m)
	}
	if opt.DryRun {
		// What changes nothing need not wait for what does.
		m, err := s.machine(ctx, events)
		if err != nil {
			return err
		}
		return here(m)
	}
	return s.onMachine(ctx, events, here)
}

// events reports to the terminal; "quiet" reports warnings only.
func (s streams) events(c *cobra.Command, format string, verbose int) (report.Sink, func(), error) {
	if format == "quiet" {
		return warnings{s.err}, func() {}, nil
	}
	return report.Choose(s.out, format, report.Options{NoColor: noColor(c), Verbose: verbose})
}

// warnings shows only what a person must know.
type warnings struct{ out *os.File }

// Emit prints a warning, and why nothing came of it.
func (w warnings) Emit(e report.Event) {
	switch e.Kind {
	case report.Warning:
		fmt.Fprintln(w.out, strings.TrimSpace("warning: "+e.What+" "+e.Detail))
	case report.Failed:
		fmt.Fprintln(w.out, "error: "+cmp.Or(e.Detail, e.What))
	}
}

// inTree makes a folder the root, as kubeadm does, and writes files there. What
// this machine is is found out before.
func (s streams) inTree(ctx context.Context, events report.Sink, root string, only []string, opt *operation.InitOptions, work func(*operation.Machine) error) error {
	if only == nil {
		return usageError{errNoTree}
	}
	m, err := s.machine(ctx, events)
	if err != nil {
		return err
	}
	here, err := operation.InitFacts(ctx, m)
	if err != nil {
		return err
	}
	if err := local.Chroot(root); err != nil {
		return err
	}
	if opt.Facts, err = operation.TreeFacts(ctx, m, here); err != nil {
		return err
	}
	return work(m)
}
