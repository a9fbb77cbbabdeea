package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/operation"
)

func newUpgrade(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "upgrade",
		Short: "See which version the cluster can go to, and what would change",
		Example: `  keelway upgrade plan
  keelway upgrade diff v1.37.0`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		newUpgradePlan(s), newUpgradeDiff(s),
		notYet("apply [version]", "Not there yet: upgrade the first control plane",
			"`keelway upgrade plan` says where the cluster can go, `keelway upgrade diff` what\nwould change, and kubeadm of the target version applies it:\n`kubeadm upgrade apply <version>`"),
		notYet("node", "Not there yet: upgrade another machine of the cluster",
			"kubeadm of the target version does it on that machine:\n`kubeadm upgrade node`, then the kubelet's program and `systemctl restart kubelet`"),
	)
	return c
}

// notYet is a command of kubeadm's that Keelway does not have yet. It takes
// kubeadm's flags, to say so whatever was asked.
func notYet(use, short, instead string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: short + ".\n\n" + instead + ".",
		Args:               cobra.ArbitraryArgs,
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("cannot do `%s` yet, and nothing was changed: %s", c.CommandPath(), instead)}
		},
	}
}

// upgradeFlags are those that the commands share.
type upgradeFlags struct {
	config, kubeconfig string
}

func (o *upgradeFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "a kubeadm configuration file with an UpgradeConfiguration")
	f.StringVar(&o.kubeconfig, "kubeconfig", kube.AdminConf, "the kubeconfig to call the cluster with")
}

// options are what the shared flags and the argument say.
func (o *upgradeFlags) options(c *cobra.Command, s streams, args []string, opt *operation.UpgradeOptions) error {
	if err := mixed(c.Flags()); err != nil {
		return usageError{err}
	}
	opt.File, opt.Kubeconfig = o.config, o.kubeconfig
	if len(args) == 1 {
		opt.Version = args[0]
	}
	var err error
	if o.config != "" {
		if opt.Text, err = os.ReadFile(o.config); err != nil {
			return usageError{err}
		}
	}
	h, err := s.thisHost()
	if err != nil {
		return err
	}
	opt.Facts, err = operation.HostFacts(c.Context(), h)
	return err
}
