package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/release"
)

func newConfig(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print, check and convert kubeadm's configuration files",
		Example: `  keelway config print init-defaults
  keelway config validate --config cluster.yaml
  keelway config migrate --old-config old.yaml --new-config new.yaml
  keelway config images list`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	print := &cobra.Command{Use: "print", Short: "Print default configurations", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	print.AddCommand(newConfigPrint(s)...)
	images := &cobra.Command{Use: "images", Short: "List or pull the images that a configuration needs", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	images.AddCommand(newConfigImagesList(s), newConfigImagesPull(s))
	c.AddCommand(print, newConfigValidate(s), newConfigMigrate(s), images)
	return c
}

func newConfigPrint(s streams) []*cobra.Command {
	var kinds []string
	show := func(name string, text func() ([]byte, error)) *cobra.Command {
		return &cobra.Command{
			Use: name + "-defaults", Short: "Print the configuration of " + name + " with its defaults", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				data, err := text()
				if err != nil {
					return usageError{err}
				}
				_, err = s.out.Write(data)
				return err
			},
		}
	}
	init := show("init", func() ([]byte, error) { return config.InitExample(release.Default().Kubernetes, kinds...) })
	init.Flags().StringSliceVar(&kinds, "component-configs", nil, "also these, with commas: KubeletConfiguration, KubeProxyConfiguration")
	return []*cobra.Command{
		init,
		show("join", func() ([]byte, error) {
			name, err := os.Hostname()
			return config.JoinExample(strings.ToLower(name)), err
		}),
		show("reset", func() ([]byte, error) { return config.ResetExample(), nil }),
		show("upgrade", func() ([]byte, error) { return config.UpgradeExample(), nil }),
	}
}

// readConfig reads a file of kubeadm's configuration, completes it for this
// machine, and prints its warnings.
func (s streams) readConfig(c *cobra.Command, path string, o load.Options) (*load.Set, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	h, err := s.thisHost()
	if err != nil {
		return nil, err
	}
	set, err := operation.ReadConfig(c.Context(), h, path, text, o)
	if err != nil {
		return nil, err
	}
	for _, w := range set.Warnings {
		fmt.Fprintln(s.err, "warning: "+w.String())
	}
	return set, nil
}

// thisHost is the machine that the command runs on.
func (s streams) thisHost() (*local.Host, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return local.New(name)
}

func newConfigValidate(s streams) *cobra.Command {
	var path string
	var ignore []string
	var ignored bool
	c := &cobra.Command{
		Use:   "validate",
		Short: "Check a configuration file, and say everything that is wrong in it",
		Long: `Check a configuration file, and say everything that is wrong in it with its line.
Fields and kinds that nobody knows are errors.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if path == "" {
				return usageError{errors.New("which file? name it with --config")}
			}
			if _, err := s.readConfig(c, path, load.Options{Strict: true, Ignore: ignore}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(s.out, "ok")
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&path, "config", "", "the file")
	f.StringSliceVar(&ignore, "ignore-preflight-errors", nil, "problems with these [names] are warnings, or 'all'")
	f.BoolVar(&ignored, "allow-deprecated-api", false, "has no effect: v1beta3 and v1beta4 are both read")
	f.BoolVar(&ignored, "allow-experimental-api", false, "has no effect: there is no experimental version")
	return c
}

func newConfigMigrate(s streams) *cobra.Command {
	var from, to string
	var ignore []string
	var ignored bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Write an old configuration file as " + config.APIVersion,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if from == "" {
				return usageError{errors.New("which file? name it with --old-config")}
			}
			set, err := s.readConfig(c, from, load.Options{Strict: true, Ignore: ignore})
			if err != nil {
				return err
			}
			if to == "" {
				_, err = s.out.Write(set.Write())
				return err
			}
			return replaceFile(to, set.Write())
		},
	}
	f := c.Flags()
	f.StringVar(&from, "old-config", "", "the file to read")
	f.StringVar(&to, "new-config", "", "the file to write (default: standard output)")
	f.StringSliceVar(&ignore, "ignore-preflight-errors", nil, "problems with these [names] are warnings, or 'all'")
	f.BoolVar(&ignored, "allow-experimental-api", false, "has no effect: there is no experimental version")
	return c
}

// replaceFile writes a file of the user's whole, or leaves it as it was. It may
// hold a token, and nobody else is to read it.
func replaceFile(path string, data []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return nil
}
