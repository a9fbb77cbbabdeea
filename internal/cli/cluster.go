package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/file/load"
)

func newCluster(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Write, check, show and import cluster files",
		Long: `Write, check, show and import cluster files. A cluster file says what a cluster
of many machines should be. Nothing here touches a machine.`,
		Example: `  keelway cluster new --controlplanes 3 --workers 3 --file cluster.yaml
  keelway cluster validate -f cluster.yaml
  keelway cluster show -f cluster.yaml
  keelway cluster import inventory/mycluster --file cluster.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newClusterNew(s), newClusterValidate(s), newClusterShow(s), newClusterImport(s))
	return c
}

// addClusterFile adds the flag that names a cluster file.
func addClusterFile(c *cobra.Command, into *string) {
	c.Flags().StringVarP(into, "file", "f", "", "the cluster file; - is standard input")
}

// readCluster reads a cluster file, and prints its warnings.
func (s streams) readCluster(path string) (*load.Loaded, error) {
	l, err := s.loadCluster(path)
	_, warnings := load.Problems(err)
	if err == nil {
		warnings = l.Warnings
	}
	for _, w := range warnings {
		fmt.Fprintln(s.err, "warning: "+w.String())
	}
	if err != nil {
		return nil, usageError{err}
	}
	return l, nil
}

func (s streams) loadCluster(path string) (*load.Loaded, error) {
	var text []byte
	var err error
	switch path {
	case "":
		return nil, errors.New("which cluster file? name it with -f; `keelway cluster new` writes one")
	case "-":
		text, err = io.ReadAll(s.in)
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	return load.Read(path, text, load.Options{ReadFile: os.ReadFile, List: listFiles})
}

// countHosts says how many hosts of each role there are.
func countHosts(c file.Cluster) string {
	count := func(n int, word string) string {
		if n != 1 && word != string(file.EtcdMember) {
			word += "s"
		}
		return fmt.Sprintf("%d %s", n, word)
	}
	var parts []string
	for _, r := range []struct {
		role file.Role
		word string
	}{{file.ControlPlane, "control plane"}, {file.Worker, "worker"}, {file.EtcdMember, "etcd"}, {file.LoadBalancer, "load balancer"}} {
		if n := len(c.With(r.role)); n > 0 {
			parts = append(parts, count(n, r.word))
		}
	}
	return count(len(c.Spec.Hosts), "host") + " (" + strings.Join(parts, ", ") + ")"
}

func newClusterShow(s streams) *cobra.Command {
	var path, output string
	c := &cobra.Command{
		Use:   "show -f FILE",
		Short: "Print a cluster file with all defaults",
		Long: `Print a cluster file as it is understood: with all defaults, and with the
documents of other files in the place of their paths. What it prints is a cluster
file again, and means the same.`,
		Example: "  keelway cluster show -f cluster.yaml\n  keelway cluster show -f cluster.yaml -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if output != "yaml" && output != "json" {
				return usageError{fmt.Errorf("cannot print as %q: --output takes yaml or json", output)}
			}
			l, err := s.readCluster(path)
			if err != nil {
				return err
			}
			return s.print(output, l.Cluster, nil)
		},
	}
	addClusterFile(c, &path)
	c.Flags().StringVarP(&output, "output", "o", "yaml", "yaml or json")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"yaml", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
