package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/kube/lease"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/plan/diff"
	"keelway.dev/keelway/internal/report"
)

// fleetFlags are what `plan`, `apply` and `destroy` have in common.
type fleetFlags struct {
	file, bundle, output string
	concurrency          int
	ignore               []string
	verbose              int
	// bare is true where nothing is installed, and no bundle needed.
	bare bool
	// log is that of the run; nil for a command that changes nothing.
	log *runLog
	// proof are the lines of what was proved, for people.
	proof []string
}

func (o *fleetFlags) add(c *cobra.Command) {
	addClusterFile(c, &o.file)
	f := c.Flags()
	f.StringVar(&o.bundle, "bundle", "", "the bundle to install from (default: the file's, or the one beside keelway)")
	f.IntVar(&o.concurrency, "concurrency", 30, "how many hosts are worked on at once")
	f.StringSliceVar(&o.ignore, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	addVerbose(f, &o.verbose)
	addOutput(c, &o.output)
}

// record makes the sink of a command that changes machines, which keeps a log of
// the run. end says, when all has been said, what was proved and where the log is.
func (s streams) record(c *cobra.Command, o *fleetFlags) (events report.Sink, end func(), err error) {
	sink, closeSink, err := report.Choose(s.out, o.output, report.Options{NoColor: noColor(c), Verbose: o.verbose})
	if err != nil {
		return nil, nil, usageError{err}
	}
	o.log = newRunLog(c.Name(), sink)
	return o.log, func() {
		closeSink()
		for _, line := range o.proof {
			fmt.Fprintln(s.out, "  proved: "+line)
		}
		o.log.tell(s.out, o.output)
	}, nil
}

// fleetFailed reports how a run on many machines ended.
func fleetFailed(ctx context.Context, events report.Sink, err error) error {
	if err == nil {
		return nil
	}
	var usage usageError
	if errors.As(err, &usage) {
		return err
	}
	e := report.Event{Kind: report.Failed, Time: time.Now(), What: "failed", Detail: err.Error()}
	var refused *apply.RefusedError
	var busy *operation.BusyError
	var held *lease.HeldError
	switch {
	case errors.As(err, &refused), errors.As(err, &busy), errors.As(err, &held):
		e.What = "not begun"
	case ctx.Err() != nil:
		e.What, e.Detail = "interrupted", "what was done stays; run the same command again to go on"
	}
	events.Emit(e)
	return silentError{err}
}

func newPlan(s streams) *cobra.Command {
	o := &fleetFlags{}
	var out string
	var whole bool
	c := &cobra.Command{
		Use:   "plan -f FILE",
		Short: "Show what would change on the machines of a cluster file, and change nothing",
		Long: `Read the machines of a cluster file side by side, and show for each what would
change and why, in the order in which 'keelway apply' does it, with the
differences of files and objects (no secrets). Nothing is changed.

Exit code 0: there is nothing to do. 2: there is.`,
		Example: "  keelway plan -f cluster.yaml\n  keelway plan -f cluster.yaml --out plan.json && keelway apply -f cluster.yaml --plan plan.json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, end, err := s.open(c.Context(), o, warnings{s.err})
			if err != nil {
				return err
			}
			defer end()
			p, err := f.Plan(c.Context())
			if err != nil {
				return err
			}
			if out != "" {
				if err := savePlan(out, p); err != nil {
					return err
				}
			}
			if o.output == "json" {
				err = printFleetJSON(s.out, p, func(s plan.Step) []diff.Diff { return diffsOf(s, whole) })
			} else {
				printFleet(s.out, p, look{plain: noColor(c), verbose: o.verbose > 0, diff: whole})
			}
			if err == nil && (p.Changes() > 0 || len(p.Refusals) > 0) {
				return exitError(2)
			}
			return err
		},
	}
	o.add(c)
	c.Flags().BoolVar(&whole, "diff", false, "show differences whole, and the content of what is new")
	c.Flags().StringVar(&out, "out", "", "write the plan to this file, for `keelway apply --plan`")
	return c
}

func newApply(s streams) *cobra.Command {
	o := &fleetFlags{}
	var saved string
	var yes bool
	var remove []string
	c := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make the machines of a cluster file that cluster",
		Long: `Make the machines of a cluster file that cluster: what touches no cluster on all
machines at once, then control planes one at a time, then workers side by side.
Interrupted or failed anywhere, run it again: it goes on with what is left.`,
		Example: "  keelway apply -f cluster.yaml\n  keelway apply -f cluster.yaml --yes --output json\n  keelway apply -f cluster.yaml --remove node-7",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			events, end, err := s.record(c, o)
			if err != nil {
				return err
			}
			defer end()
			ctx := c.Context()
			events.Emit(report.Event{Time: time.Now(), Kind: report.Start, What: "keelway apply · " + o.file})
			o.bare = len(remove) > 0
			f, leave, err := s.open(ctx, o, events)
			if err != nil {
				return fleetFailed(ctx, events, err)
			}
			defer leave()
			if len(remove) > 0 {
				return fleetFailed(ctx, events, s.remove(ctx, f, remove, yes))
			}
			r, err := f.Apply(ctx, s.consent(o, look{plain: noColor(c), verbose: o.verbose > 0}, saved, yes))
			if err == nil && o.output != "json" {
				o.proof = r.Proof
			}
			return fleetFailed(ctx, events, err)
		},
	}
	o.add(c)
	c.Flags().StringVar(&saved, "plan", "", "do exactly the plan of this file, or nothing if the machines have changed since")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().StringSliceVar(&remove, "remove", nil, "drain these nodes and take them out of the cluster, and do nothing else")
	return c
}
