package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster/file/load"
)

// validation is what is found in a cluster file.
type validation struct {
	File string `json:"file"`
	// OK is false where an error is among the problems.
	OK       bool    `json:"ok"`
	Problems []found `json:"problems"`
}

// found is one problem, as programs read it.
type found struct {
	File string `json:"file"`
	// Line is 0 for what stands nowhere, as a missing file.
	Line     int    `json:"line"`
	Path     string `json:"path"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Fix      string `json:"fix,omitempty"`
}

func (v *validation) add(severity string, problems []load.Problem) {
	for _, p := range problems {
		v.Problems = append(v.Problems, found{p.File, p.Line, p.Path, severity, p.Message, p.Fix})
	}
}

func newClusterValidate(s streams) *cobra.Command {
	var path, output string
	c := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check a cluster file, and say everything that is wrong in it",
		Long: `Check a cluster file, and say everything that is wrong in it: each with its line,
its field, and what to do. Warnings are of what can be and is worth a thought.`,
		Example: `  keelway cluster validate -f cluster.yaml
  keelway cluster new | keelway cluster validate -f -
  keelway cluster validate -f cluster.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"text", "json", "yaml"}, output) {
				return usageError{fmt.Errorf("cannot print as %q: --output takes text, json or yaml", output)}
			}
			if output == "text" {
				l, err := s.readCluster(path)
				if err != nil {
					return err
				}
				c := l.Cluster
				_, err = fmt.Fprintf(s.out, "ok: %s, Kubernetes %s, %s\n", c.Metadata.Name, c.Spec.KubernetesVersion, countHosts(c))
				return err
			}
			l, err := s.loadCluster(path)
			problems, warnings := load.Problems(err)
			if err != nil && problems == nil {
				return usageError{err}
			}
			if err == nil {
				warnings = l.Warnings
			}
			v := validation{File: path, OK: err == nil, Problems: []found{}}
			v.add("error", problems)
			v.add("warning", warnings)
			if wrong := s.print(output, v, func(io.Writer) {}); wrong != nil {
				return wrong
			}
			if err != nil {
				return silentError{usageError{err}} // it is in what was printed
			}
			return nil
		},
	}
	addClusterFile(c, &path)
	addData(c, &output)
	return c
}
