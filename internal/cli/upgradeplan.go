package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/plan/upgrade"
	"keelway.dev/keelway/internal/release"
)

func newUpgradePlan(s streams) *cobra.Command {
	o := &upgradeFlags{}
	var opt operation.UpgradeOptions
	var experimental, candidates, printConfig bool
	etcd := true
	var output string
	c := &cobra.Command{
		Use:   "plan [version]",
		Short: "Show which versions the cluster can go to, and what each program would become",
		Long: `Show which versions the cluster can go to, what each program would become, and
which kubelets are to be upgraded by hand. Nothing is changed and nothing is asked
of the internet: without a version, those that Keelway has are looked at.`,
		Example: `  keelway upgrade plan
  keelway upgrade plan v1.37.0 -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			if err := o.options(c, s, args, &opt); err != nil {
				return err
			}
			for name, flag := range map[string]struct {
				value bool
				field **bool
			}{
				"allow-experimental-upgrades":      {experimental, &opt.Experimental},
				"allow-release-candidate-upgrades": {candidates, &opt.Candidates},
				"etcd-upgrade":                     {etcd, &opt.Etcd},
			} {
				if c.Flags().Changed(name) {
					*flag.field = &flag.value
				}
			}
			h, err := s.thisHost()
			if err != nil {
				return err
			}
			p, err := operation.PlanUpgrade(c.Context(), h, opt)
			if err != nil {
				return err
			}
			for _, w := range p.Warnings {
				fmt.Fprintln(s.err, "warning: "+w)
			}
			if output == "text" {
				if printConfig || !c.Flags().Changed("print-config") && p.PrintConfig {
					printConfiguration(s.out, p.Cluster)
				}
				return printUpgrades(s.out, p)
			}
			for _, u := range p.Upgrades {
				for _, why := range u.Blocked {
					fmt.Fprintf(s.err, "warning: not to %s yet: %s\n", u.Version, why)
				}
			}
			return printObject(s.out, output, printedPlan(p))
		},
	}
	o.add(c)
	f := c.Flags()
	f.BoolVar(&experimental, "allow-experimental-upgrades", false, "allow versions that are not released yet")
	f.BoolVar(&candidates, "allow-release-candidate-upgrades", false, "allow release candidates")
	f.BoolVar(&etcd, "etcd-upgrade", true, "upgrade etcd too")
	f.BoolVar(&printConfig, "print-config", false, "print the cluster's configuration as well")
	f.StringSliceVar(&opt.IgnorePreflight, "ignore-preflight-errors", nil, "checks whose errors become warnings, or 'all'")
	f.StringVarP(&output, "output", "o", "text", "text, json, yaml or jsonpath={...}")
	return c
}

// printConfiguration prints it as kubeadm does.
func printConfiguration(out io.Writer, c config.ClusterConfiguration) {
	fmt.Fprintln(out, "[upgrade/config] Configuration used:")
	for line := range strings.Lines(string(config.Marshal(c))) {
		fmt.Fprint(out, "\t"+line)
	}
}

// printedUpgrades is kubeadm's kind UpgradePlan.
type printedUpgrades struct {
	metav1.TypeMeta   `json:",inline"`
	AvailableUpgrades []printedUpgrade `json:"availableUpgrades,omitempty"`
	ConfigVersions    []printedVersion `json:"configVersions,omitempty"`
}

type printedUpgrade struct {
	Description string             `json:"description"`
	Components  []printedComponent `json:"components"`
}

type printedComponent struct {
	Name           string `json:"name"`
	CurrentVersion string `json:"currentVersion"`
	NewVersion     string `json:"newVersion"`
	NodeName       string `json:"nodeName,omitempty"`
}

type printedVersion struct {
	Group                 string `json:"group"`
	CurrentVersion        string `json:"currentVersion"`
	PreferredVersion      string `json:"preferredVersion"`
	ManualUpgradeRequired bool   `json:"manualUpgradeRequired"`
}

func printedPlan(p *operation.UpgradePlan) printedUpgrades {
	all := printedUpgrades{TypeMeta: metav1.TypeMeta{Kind: "UpgradePlan", APIVersion: outputAPIVersion}}
	for _, u := range p.Upgrades {
		one := printedUpgrade{Description: u.Description}
		for _, c := range u.Components {
			one.Components = append(one.Components, printedComponent{c.Name, c.Current, c.Target, c.Node})
		}
		all.AvailableUpgrades = append(all.AvailableUpgrades, one)
	}
	for _, c := range p.Configs {
		all.ConfigVersions = append(all.ConfigVersions, printedVersion{c.Group, c.Current, c.Preferred, c.Manual})
	}
	return all
}

// printUpgrades prints kubeadm's tables.
func printUpgrades(out io.Writer, p *operation.UpgradePlan) error {
	var have []string
	for _, r := range release.All() {
		have = append(have, r.Kubernetes)
	}
	fmt.Fprintf(out, "[upgrade/versions] Cluster version: %s\n", p.Version)
	fmt.Fprintf(out, "[upgrade/versions] Versions that this keelway has: %s (the internet was not asked)\n\n", strings.Join(have, ", "))
	if len(p.Upgrades) == 0 {
		fmt.Fprintf(out, "There is nothing to upgrade to: the control plane runs %s.\n", p.Version)
		for _, k := range p.Older {
			fmt.Fprintf(out, "The kubelet on %s runs %s: upgrade it by hand.\n", k.Node, k.Version)
		}
		fmt.Fprintln(out)
	}
	for _, u := range p.Upgrades {
		if err := printUpgrade(out, u, p.Patches); err != nil {
			return err
		}
	}
	fmt.Fprint(out, `
The table below shows the configurations of components in the cluster. Those with
"yes" in the column "MANUAL UPGRADE REQUIRED" were changed by hand, and have to be
brought to the "PREFERRED VERSION" by hand before an upgrade can succeed.

`)
	w := tabwriter.NewWriter(out, 10, 4, 3, ' ', 0)
	fmt.Fprintln(w, "API GROUP\tCURRENT VERSION\tPREFERRED VERSION\tMANUAL UPGRADE REQUIRED")
	for _, c := range p.Configs {
		current, manual := c.Current, "no"
		if current == "" {
			current = "-"
		}
		if c.Manual {
			manual = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Group, current, c.Preferred, manual)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	separator(out)
	return nil
}

func separator(out io.Writer) { fmt.Fprintf(out, "%s\n\n", strings.Repeat("_", 69)) }

func printUpgrade(out io.Writer, u upgrade.Upgrade, patches string) error {
	table := func(show func(upgrade.Component) bool) error {
		w := tabwriter.NewWriter(out, 10, 4, 3, ' ', 0)
		fmt.Fprintln(w, "COMPONENT\tNODE\tCURRENT\tTARGET")
		for _, c := range u.Components {
			if show(c) {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Name, c.Node, c.Current, c.Target)
			}
		}
		return w.Flush()
	}
	fmt.Fprintln(out, "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':")
	if err := table(func(c upgrade.Component) bool { return c.Name == upgrade.Kubelet }); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nUpgrade to the latest %s:\n\n", u.Description)
	if err := table(func(c upgrade.Component) bool { return c.Name != upgrade.Kubelet && c.Name != upgrade.Kubeadm }); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, why := range u.Blocked {
		fmt.Fprintf(out, "This cannot be done yet: %s\n\n", why)
	}
	for _, c := range u.Components {
		if c.Name == upgrade.Kubeadm && c.Current != c.Target {
			fmt.Fprintf(out, "Note: this keelway has no bundle of %s, it has %s of that minor.\n\n", c.Target, c.Current)
		}
	}
	command := "kubeadm upgrade apply " + u.Version
	if patches != "" {
		command += " --patches " + patches
	}
	fmt.Fprintf(out, "Keelway does not apply upgrades yet. kubeadm of that version does, on this machine:\n\n\t%s\n\n", command)
	separator(out)
	return nil
}
