package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

func newUp(s streams) *cobra.Command {
	var o operation.UpOptions
	var profile, output, kubeconfig, bundle string
	var verbose int
	c := &cobra.Command{
		Use:   "up",
		Short: "Make this machine a Kubernetes cluster",
		Long: `Make this machine a Kubernetes cluster: check it, install what is missing from
the bundle, start it, and prove that it answers. Run again, it does only what
is left to do.`,
		Example: `  keelway up
  keelway up --profile kubeadm
  keelway up --output json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Cluster.Profile = cluster.Profile(profile)
			o.Self, o.Built = s.self, builtAt()
			o.FindBundle = func(kubernetes string) (string, error) {
				path, err := findBundle(bundle, s.self, kubernetes)
				if err != nil {
					return "", usageError{err}
				}
				return path, nil
			}
			var err error
			if o.KubeConfig, err = kubeconfigPath(kubeconfig); err != nil {
				return usageError{err}
			}
			events, end, err := report.Choose(s.out, output, report.Options{NoColor: noColor(c), Verbose: verbose})
			if err != nil {
				return usageError{err}
			}
			defer end()
			return s.onMachine(c.Context(), events, func(m *operation.Machine) error {
				result, err := operation.Up(c.Context(), m, o)
				if err != nil {
					return err
				}
				end()
				if output != "json" {
					nextAfterUp(s, result, o)
				}
				return nil
			})
		},
	}
	f := c.Flags()
	f.StringVar(&bundle, "bundle", "", "folder or .tar.zst to install (default: beside keelway)")
	clusterFlags(c, &o.Cluster, &profile)
	f.StringSliceVar(&o.IgnorePreflight, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	f.StringVar(&o.Until, "until", "", "stop after this phase ('keelway explain' lists them)")
	f.BoolVar(&o.Prove, "prove", false, "prove that it answers, if nothing was to be done too")
	f.StringVar(&kubeconfig, "kubeconfig", "", "gets the context 'keelway' (default ~/.kube/config; or 'none')")
	completeFlag(c, "until", s.phasesHere)
	addVerbose(f, &verbose)
	addOutput(c, &output)
	return c
}

// nextAfterUp says what a person does next.
func nextAfterUp(s streams, r *operation.UpResult, o operation.UpOptions) {
	out := s.out
	for _, line := range r.Proof {
		fmt.Fprintln(out, "  proved: "+line)
	}
	if r.Model != nil && !o.Cluster.KeepTaint && r.Steps > 0 {
		fmt.Fprintln(out, "  the control-plane taint is lifted, so that pods run on this machine (--keep-taint leaves it on)")
	}
	fmt.Fprintln(out, "\nNext:")
	fmt.Fprintln(out, "  keelway kubectl get pods -A     look at what runs")
	fmt.Fprintln(out, "  keelway status                  components, certificates, drift")
	fmt.Fprintln(out, "  keelway explain                 every step: what, why, which files, who reads them")
	fmt.Fprintln(out, "  keelway down                    remove exactly what was made")
}

func kubeconfigPath(chosen string) (string, error) {
	switch chosen {
	case "none":
		return "", nil
	case "":
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, ".kube", "config"), nil
		}
		return "", nil // no home, no file of the user's own
	}
	return filepath.Abs(chosen)
}
