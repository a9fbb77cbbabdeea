package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/cluster/foreign"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
)

func newClusterImport(s streams) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "import PATH",
		Short: "Make a cluster file of a Kubespray inventory, k0sctl file or kubeadm configuration",
		Long: `Make a cluster file of what another tool reads: the folder or file of a Kubespray
inventory (YAML or INI, with group_vars and host_vars beside it), a k0sctl file, or
a kubeadm configuration. Which one it is, the file itself says.

What cannot be carried over is told, each by its name, and stands as a comment in
the file. Values of what is left are not repeated: they may be secrets.`,
		Example: `  keelway cluster import inventory/mycluster --file cluster.yaml
  keelway cluster import k0sctl.yaml
  keelway cluster import kubeadm.yaml --file cluster.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := gather(args[0])
			if err != nil {
				return usageError{err}
			}
			m, err := foreign.Read(files)
			if err != nil {
				return usageError{err}
			}
			text, err := m.Write()
			if err != nil {
				return err
			}
			if path == "" {
				_, err = s.out.Write(text)
			} else {
				err = createFile(path, text)
			}
			if err != nil {
				return err
			}
			for _, l := range m.Left {
				fmt.Fprintln(s.err, "not carried over: "+l.String())
			}
			name := path
			if name == "" {
				name = "cluster.yaml"
			}
			_, err = load.Read(name, text, load.Options{})
			problems, _ := load.Problems(err)
			for _, p := range problems {
				fmt.Fprintln(s.err, "to mend: "+p.String())
			}
			if path != "" {
				fmt.Fprintf(s.out, "%s is written: %s.\n\nNext:\n  keelway cluster validate -f %s\n", path, countHosts(m.Cluster), path)
			}
			return nil
		},
	}
	c.Flags().StringVar(&path, "file", "", "the file to write (default: standard output)")
	return c
}

// gather reads the file to import, and the variables that lie beside an
// inventory. A folder's inventory is found by the names that Kubespray uses.
func gather(path string) ([]ansible.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	main, dir := path, filepath.Dir(path)
	if info.IsDir() {
		dir, main = path, ""
		names := []string{"inventory.ini", "hosts.yaml", "hosts.yml", "inventory.yaml", "inventory.yml", "hosts.ini", "hosts"}
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				main = filepath.Join(dir, name)
				break
			}
		}
		if main == "" {
			return nil, fmt.Errorf("%s holds none of %v: name the inventory's file", path, names)
		}
	}
	text, err := os.ReadFile(main)
	if err != nil {
		return nil, err
	}
	files := []ansible.File{{Path: main, Text: text}}
	for _, folder := range []string{"group_vars", "host_vars"} {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || entry.IsDir() || !slices.Contains([]string{".yml", ".yaml", ".json", ""}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			files = append(files, ansible.File{Path: path, Text: text})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
