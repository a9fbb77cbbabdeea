package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report/text"
	"keelway.dev/keelway/internal/verify"
)

// errUnverified makes the exit code 1; the report has said why.
var errUnverified = errors.New("a check failed")

func newVerify(s streams) *cobra.Command {
	o := &fleetFlags{concurrency: 30}
	c := &cobra.Command{
		Use:   "verify [-f FILE]",
		Short: "Ask the cluster by named checks whether it does what a cluster is for",
		Long: `Put a probe on every node, and ask from there: pods on other nodes, a Service,
DNS, node ports, the API. Look besides at clocks, versions, ranges, the
certificate of every listener, etcd's members and what they store, and at file
modes where a machine can be read. Each check says what it looked at, why that
matters and what to do.

Without -f it asks the cluster of the control plane that it runs on, with -f
every machine of a cluster file over SSH. What it makes (keelway-verify-* in the
namespace default) it removes again, also after Ctrl-C; what a killed run left
is removed by the next one. Exit code 0: all passed, warnings included. 1:
something failed.`,
		Example: "  keelway verify\n  keelway verify -f cluster.yaml\n  keelway verify -o junit > verify.xml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var done func(verify.Result)
			switch o.output {
			case "text":
				done = func(r verify.Result) { printResult(s.out, r, o.verbose > 0, s.width()) }
			case "json", "junit":
			default:
				return usageError{fmt.Errorf("cannot print as %q: --output takes text, json or junit", o.output)}
			}
			r, err := s.verify(c.Context(), o, done)
			if errors.Is(err, context.Canceled) {
				return errors.New("interrupted: what the checks had made was removed")
			}
			if err != nil {
				return err
			}
			if err := printVerified(s.out, r, o.output); err != nil {
				return err
			}
			if !r.Passed {
				return silentError{errUnverified}
			}
			return nil
		},
	}
	addClusterFile(c, &o.file)
	f := c.Flags()
	f.StringVar(&o.bundle, "bundle", "", "the bundle of the cluster file (default: the file's, or the one beside keelway)")
	f.StringVarP(&o.output, "output", "o", "text", "text, json or junit")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "junit"}, cobra.ShellCompDirectiveNoFileComp))
	addVerbose(f, &o.verbose)
	return c
}

func (s streams) verify(ctx context.Context, o *fleetFlags, done func(verify.Result)) (verify.Report, error) {
	if o.file == "" {
		m, err := s.machine(ctx, silent{})
		if err != nil {
			return verify.Report{}, err
		}
		return operation.Verify(ctx, m, done)
	}
	f, end, err := s.open(ctx, o, warnings{s.err})
	if err != nil {
		return verify.Report{}, err
	}
	defer end()
	return f.Verify(ctx, done)
}

func printVerified(w io.Writer, r verify.Report, output string) error {
	switch output {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	case "junit":
		return r.WriteJUnit(w)
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d with warnings, %d skipped\n",
		r.Count(verify.Passed), r.Count(verify.Failed), r.Count(verify.Warning), r.Count(verify.Skipped))
	return err
}

// printResult is one check in a line, and below it what is not in order.
func printResult(w io.Writer, r verify.Result, verbose bool, width int) {
	seen := r.Seen
	if seen == "" && len(r.Findings) == 1 && r.Level == verify.Skipped {
		seen = r.Findings[0].String()
	}
	fmt.Fprintf(w, "%-8s %-16s %s (%.1f s)\n", r.Level, r.Name, text.OneLine(seen), r.Seconds)
	bad := r.Level == verify.Failed || r.Level == verify.Warning
	if bad || verbose {
		paragraph(w, "    ", "looked at: "+r.What, width)
		paragraph(w, "    ", "why: "+r.Why, width)
	}
	fix := ""
	for _, f := range r.Findings {
		if f.Level == verify.Skipped && !bad && !verbose {
			continue
		}
		paragraph(w, "    ", fmt.Sprintf("%s: %s", f.Level, f), width)
		if f.Fix != "" && f.Fix != fix {
			paragraph(w, "      ", "what to do: "+f.Fix, width)
			fix = f.Fix
		}
	}
}
