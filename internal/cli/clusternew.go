package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/cluster/file/example"
	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/release"
)

func newClusterNew(s streams) *cobra.Command {
	var o example.Options
	var path string
	c := &cobra.Command{
		Use:   "new",
		Short: "Write a cluster file to begin with",
		Long: `Write a cluster file to begin with: with comments that explain it, and addresses
to be changed unless yours are given. A file that is there is never written over.`,
		Example: `  keelway cluster new
  keelway cluster new --controlplanes 3 --workers 3 --file cluster.yaml
  keelway cluster new --workers 1 --addresses 10.0.0.11,10.0.0.12 --file cluster.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := example.Text(o)
			if err != nil {
				return usageError{err}
			}
			// A name, version or address that was given may be one that cannot be.
			if _, err := load.Read("the new file", text, load.Options{}); err != nil {
				return usageError{err}
			}
			if path == "" {
				_, err = s.out.Write(text)
				return err
			}
			if err := createFile(path, text); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.out, "%s is written.\n\nNext:\n  change its hosts to yours\n  keelway cluster validate -f %s\n", path, path)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.Name, "name", "cluster", "the cluster's name")
	f.StringVar(&o.KubernetesVersion, "kubernetes-version", release.Default().Kubernetes, "the Kubernetes version")
	f.IntVar(&o.ControlPlanes, "controlplanes", 1, "how many hosts cp1, cp2, ...")
	f.IntVar(&o.Workers, "workers", 0, "how many hosts w1, w2, ...")
	f.IntVar(&o.LoadBalancers, "loadbalancers", 0, "how many hosts lb1, lb2, ...")
	f.IntVar(&o.EtcdMembers, "etcd-members", 0, "how many hosts etcd1, etcd2, ... for etcd alone")
	f.StringSliceVar(&o.Addresses, "addresses", nil, "the hosts' addresses, in this order (default: addresses for examples)")
	f.StringVar(&path, "file", "", "the file to write (default: standard output)")
	return c
}

// createFile writes a new file of the user's, whole or not at all. One that is
// there is the user's work: it stays, and that is an error.
func createFile(path string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return usageError{err}
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what is there.
	if err := os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s exists and is left as it is: name another file with --file, or remove it", path)}
	} else if err != nil {
		return err
	}
	return nil
}
