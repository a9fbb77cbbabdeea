package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

// errUnhealthy makes the exit code 1; the report has said why.
var errUnhealthy = errors.New("something does not work")

func newStatus(s streams) *cobra.Command {
	var o operation.StatusOptions
	var output string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show components, nodes, certificates, addresses and what differs",
		Long: `Show how the cluster on this machine is: every component of its role with its
version, how it runs, its own health, restarts and memory; nodes; certificates
with the days left; addresses; and what differs from what 'keelway up' makes, or
from what 'apply', 'init' or 'join' gave the machine. A worker shows what it may
ask for. Nothing is changed. The exit code is 0 when all is healthy, 1 when
something is not.`,
		Example: `  keelway status
  keelway status --stages
  keelway status -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := s.machine(c.Context(), silent{})
			if err != nil {
				return err
			}
			r, err := operation.Status(c.Context(), m, o)
			if err != nil {
				return err
			}
			if err := s.print(output, r, func(w io.Writer) { printStatus(w, r, s.width()) }); err != nil {
				return err
			}
			if !r.Healthy {
				return silentError{errUnhealthy}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&o.Stages, "stages", false, "show the four stages of a node: their files and components")
	addData(c, &output)
	return c
}

func printStatus(w io.Writer, r *operation.StatusReport, width int) {
	if !r.Installed && r.Stages == nil {
		fmt.Fprintf(w, "There is no cluster on %s.\n\nNext:\n  keelway up         make one\n  keelway explain    read first what that does\n", r.Host)
		return
	}
	if r.Installed {
		printSummary(w, r, width)
		printComponents(w, r)
		printNodes(w, r, width)
		printCertificates(w, r)
		printDrift(w, r, width)
	}
	printStages(w, r, width)
	printVerdict(w, r, width)
}

func printComponents(w io.Writer, r *operation.StatusReport) {
	fmt.Fprintln(w)
	var rows [][]string
	for _, c := range r.Components {
		rows = append(rows, []string{c.Name, c.Version, how(c, r), string(c.Health), fmt.Sprint(c.Restarts), memory(c.MemoryBytes), detail(c)})
	}
	rows = append(rows, []string{"", "", "", "", "", memory(r.MemoryBytes), "in all"})
	_ = report.Table(w, []string{"COMPONENT", "VERSION", "RUNS AS", "HEALTH", "RESTARTS", "MEMORY"}, rows)
}

// how says a service together with who runs it.
func how(c operation.ComponentStatus, r *operation.StatusReport) string {
	if c.Runs == component.Service {
		return r.Services.Manager + " service"
	}
	return string(c.Runs)
}

// detail is worth its room only where something is wrong, or counts pods.
func detail(c operation.ComponentStatus) string {
	if c.Health == state.Healthy && !strings.Contains(c.Detail, " pods ") {
		return ""
	}
	return short(c.Detail)
}

func short(words string) string {
	const most = 160
	if runes := []rune(strings.Join(strings.Fields(words), " ")); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return words
}

func memory(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MB", float64(n)/1e6)
}

func printNodes(w io.Writer, r *operation.StatusReport, width int) {
	if !slices.Contains(r.Roles, cluster.Worker) {
		return
	}
	fmt.Fprintln(w)
	if !r.API {
		fmt.Fprintln(w, "The API does not answer, so nothing is known of nodes.")
		return
	}
	var rows, conditions [][]string
	for _, n := range r.Nodes {
		ready := "Ready"
		if !n.Ready {
			ready = "NotReady"
		}
		taints := strings.Join(n.Taints, ",")
		if taints == "" {
			taints = "none"
		}
		rows = append(rows, []string{n.Name, ready, n.Version, strings.Join(n.Roles, ","), n.Address, n.PodCIDR, taints})
		conditions = append(conditions, []string{n.Name, strings.Join(n.Conditions, " ")})
	}
	_ = report.Table(w, []string{"NODE", "STATE", "KUBELET", "ROLES", "ADDRESS", "PODS", "TAINTS"}, rows)
	hanging(w, "  conditions of ", conditions, width)
}

func printCertificates(w io.Writer, r *operation.StatusReport) {
	if len(r.Certificates) == 0 {
		return
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, c := range r.Certificates {
		issuer := c.Issuer
		if issuer == "" {
			issuer = "itself"
		}
		if c.Name == "kubelet-server" {
			issuer = "the kubelet renews it"
		}
		if c.Expires.IsZero() {
			rows = append(rows, []string{c.Name, "-", c.Problem})
			continue
		}
		left := fmt.Sprintf("%d days", c.DaysLeft)
		switch {
		case c.DaysLeft < 0 || !c.Expires.After(r.Time):
			left = "EXPIRED"
		case c.Soon:
			left += "!"
		}
		rows = append(rows, []string{c.Name, left, c.Expires.UTC().Format(time.DateOnly), issuer})
	}
	_ = report.Table(w, []string{"CERTIFICATE", "LEFT", "UNTIL", "ISSUED BY"}, rows)
}

func printDrift(w io.Writer, r *operation.StatusReport, width int) {
	fmt.Fprintln(w)
	from := "what `" + r.Compared + "` gave this machine"
	if r.Compared == "keelway up" {
		from = "what `keelway up` makes"
	}
	switch {
	case r.Compared == "":
	case len(r.Drift) == 0:
		fmt.Fprintln(w, "Nothing differs from "+from+".")
	default:
		fmt.Fprintln(w, "What differs from "+from+":")
	}
	for _, d := range r.Drift {
		reason := d.Reason
		switch {
		case d.Step != "":
			reason = d.Step + ": " + reason
		case d.Change == "refused":
			reason = "refused: " + reason
		}
		paragraph(w, "  ", reason, width)
		for _, l := range d.Lines {
			paragraph(w, "      ", l, width)
		}
		if len(d.Files) > 1 {
			paragraph(w, "      ", "files: "+strings.Join(d.Files, " "), width)
		}
	}
	for _, n := range r.DriftNotes {
		paragraph(w, "  ", "note: "+n, width)
	}
}

func printVerdict(w io.Writer, r *operation.StatusReport, width int) {
	fmt.Fprintln(w)
	said := func(kind string, list []string) {
		var rows [][]string
		for _, words := range list {
			rows = append(rows, []string{kind, short(words)})
		}
		hanging(w, "", rows, width)
	}
	if r.Busy != "" {
		said("note", []string{"another keelway is at work, so this changes: " + r.Busy})
	}
	said("note", r.Notes)
	said("warning", r.Warnings)
	if r.Healthy {
		fmt.Fprintln(w, "All is healthy.")
		return
	}
	said("problem", r.Problems)
	if !r.Installed {
		return
	}
	fmt.Fprintln(w, "\nNext:\n  keelway diagnose    why, with each component's last words")
	if r.Compared != "" {
		fmt.Fprintf(w, "  %-18s  make good what differs\n", r.Compared)
	}
}
