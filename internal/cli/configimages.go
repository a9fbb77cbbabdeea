package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/release"
)

// imageFlags are those of the commands that are about images.
type imageFlags struct {
	path, version, repository, gates string
}

func (i *imageFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&i.path, "config", "", "a configuration file")
	f.StringVar(&i.version, "kubernetes-version", "", "the Kubernetes version (default: the newest release)")
	f.StringVar(&i.repository, "image-repository", "", "the repository of the images (default "+config.DefaultImageRepository+")")
	f.StringVar(&i.gates, "feature-gates", "", "kubeadm's feature gates, as name=true,...; no image depends on one")
}

func (i *imageFlags) images(s streams, c *cobra.Command) ([]string, error) {
	var set *load.Set
	var err error
	if i.path != "" {
		// What would break a cluster breaks no list of images.
		set, err = s.readConfig(c, i.path, load.Options{Ignore: []string{"all"}})
	} else {
		set = &load.Set{Cluster: &config.ClusterConfiguration{KubernetesVersion: i.version, ImageRepository: i.repository}}
		err = set.Complete(load.Host{Name: "node", Address: "192.0.2.1", Version: release.Default().Kubernetes, Token: operation.NewToken}, load.Options{})
	}
	if err != nil {
		return nil, err
	}
	if set.Init == nil {
		return nil, usageError{fmt.Errorf("%s has no InitConfiguration and no ClusterConfiguration", i.path)}
	}
	return operation.ConfigImages(set)
}

func newConfigImagesList(s streams) *cobra.Command {
	var flags imageFlags
	var output string
	c := &cobra.Command{
		Use: "list", Short: "Print the images that a configuration needs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			images, err := flags.images(s, c)
			if err != nil {
				return err
			}
			// The kind that `kubeadm config images list` prints.
			list := struct {
				Kind       string   `json:"kind"`
				APIVersion string   `json:"apiVersion"`
				Images     []string `json:"images"`
			}{"Images", "output.kubeadm.k8s.io/v1alpha3", images}
			switch output {
			case "text":
				_, err = fmt.Fprintln(s.out, strings.Join(images, "\n"))
			case "json":
				e := json.NewEncoder(s.out)
				e.SetIndent("", "    ")
				err = e.Encode(list)
			case "yaml":
				var data []byte
				if data, err = yaml.Marshal(list); err == nil {
					_, err = s.out.Write(data)
				}
			default:
				err = usageError{fmt.Errorf("cannot print as %q: --output takes text, json or yaml", output)}
			}
			return err
		},
	}
	flags.add(c)
	c.Flags().StringVarP(&output, "output", "o", "text", "text, json or yaml")
	return c
}

func newConfigImagesPull(s streams) *cobra.Command {
	var flags imageFlags
	c := &cobra.Command{
		Use: "pull", Short: "Have this machine's runtime pull the images that a configuration needs", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			images, err := flags.images(s, c)
			if err != nil {
				return err
			}
			h, err := s.thisHost()
			if err != nil {
				return err
			}
			return operation.PullImages(c.Context(), h, images, func(image string) {
				fmt.Fprintf(s.out, "[config/images] Pulled %s\n", image)
			})
		},
	}
	flags.add(c)
	return c
}
