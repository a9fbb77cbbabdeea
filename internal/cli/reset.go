package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/operation"
)

// resetFlags are the flags of `reset` and its phases.
type resetFlags struct {
	config, kubeconfig string
	reset              config.ResetConfiguration
	ignore, skip       []string
	dryRun, strict     bool
	output             string
	verbose            int
}

func newReset(s streams) *cobra.Command {
	o := &resetFlags{}
	c := &cobra.Command{
		Use:   "reset",
		Short: "Take this machine out of its cluster, as kubeadm does",
		Long: `Take this machine out of its cluster: what 'init' or 'join' made here, with
Keelway or kubeadm, is removed. The container runtime and the installed programs
stay; 'keelway down' removes those that Keelway installed. Other members of etcd
lose this one first, through themselves; the last copy of the data, or data of
which nobody says whether it is the last copy, is not removed without --force.
Run again after it was interrupted, it goes on where it was.`,
		Example: `  keelway reset
  keelway reset --force --dry-run
  keelway reset phase cleanup-node`,
	}
	workflow{
		tree: phase.Reset(), flags: o.add,
		run: func(c *cobra.Command, _, only []string) error { return s.reset(c, o, only) },
	}.bind(c)
	return c
}

// add adds the flags that the phases of those paths take, all for nil.
func (o *resetFlags) add(f *pflag.FlagSet, paths []string) {
	if takes(paths, "preflight") {
		f.StringSliceVar(&o.ignore, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	}
	if takes(paths, "preflight", "remove-etcd-member") {
		f.BoolVarP(&o.reset.Force, "force", "f", false, "do not ask, and delete the data though it is, or may be, the last copy")
	}
	if takes(paths, "remove-etcd-member") {
		f.StringVar(&o.kubeconfig, "kubeconfig", "", "the kubeconfig to call the API with (default /etc/kubernetes/admin.conf)")
	}
	if takes(paths, "remove-etcd-member", "cleanup-node") {
		f.StringVar(&o.reset.CRISocket, "cri-socket", "", "the container runtime's socket (default "+config.DefaultCRISocket+")")
	}
	if takes(paths, "cleanup-node") {
		f.StringVar(&o.reset.CertificatesDir, "cert-dir", "", "the folder of keys and certificates (default: the one that the API server uses, or "+config.DefaultCertificatesDir+")")
		f.BoolVar(&o.reset.CleanupTmpDir, "cleanup-tmp-dir", false, "remove kubeadm's backups in /etc/kubernetes/tmp as well")
	}
	if paths == nil {
		f.StringSliceVar(&o.skip, "skip-phases", nil, "phases to leave out")
	}
	f.StringVar(&o.config, "config", "", "a kubeadm configuration file")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&o.strict, "strict", false, "refuse fields that nobody knows, instead of warning")
	addVerbose(f, &o.verbose)
	f.StringVarP(&o.output, "output", "o", "text", "text for people, json for one JSON event a line")
}

// reset reads the flags, and runs `reset` or some phases of it.
func (s streams) reset(c *cobra.Command, o *resetFlags, only []string) error {
	opt := operation.ResetOptions{
		File: o.config, Only: only, Skip: o.skip, Kubeconfig: o.kubeconfig, DryRun: o.dryRun,
		Load:     load.Options{Strict: o.strict, Ignore: o.ignore},
		Terminal: s.canAsk(),
		Confirm:  func(what string) error { return s.confirmOr(what, "--force") },
	}
	var err error
	if o.config != "" {
		if opt.Text, err = os.ReadFile(o.config); err != nil {
			return usageError{err}
		}
	} else {
		r := o.reset
		r.APIVersion, r.Kind = config.APIVersion, "ResetConfiguration"
		r.DryRun = o.dryRun
		opt.File, opt.Text = "(flags)", config.Marshal(r)
	}
	if opt.UserKubeconfig, err = kubeconfigPath(""); err != nil {
		return usageError{err}
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
	return s.onMachine(c.Context(), events, func(m *operation.Machine) error {
		r, err := operation.Reset(c.Context(), m, opt)
		if err != nil {
			return err
		}
		end()
		s.afterReset(o, r)
		return nil
	})
}

// afterReset says what was removed and what stays.
func (s streams) afterReset(o *resetFlags, r *operation.ResetResult) {
	if r.Plan != nil {
		for _, line := range operation.PlanText(*r.Plan) {
			fmt.Fprintln(s.out, line)
		}
		return
	}
	if o.output == "json" {
		_ = json.NewEncoder(s.out).Encode(map[string]any{"kind": "reset", "removed": slices.Concat([]string{}, r.Removed), "left": r.Left})
		return
	}
	if len(r.Left) > 0 {
		fmt.Fprintln(s.out, "\nLeft as it is:")
	}
	for _, l := range r.Left {
		fmt.Fprintln(s.out, "  "+l.What)
		if l.Command != "" {
			fmt.Fprintln(s.out, "      "+l.Command)
		}
	}
}
