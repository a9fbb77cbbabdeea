package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/lab"
	"keelway.dev/keelway/internal/lab/image"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
)

func newLab(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "lab",
		Short: "Throwaway hosts with systemd on this machine, to learn and to test",
		Long: `Throwaway hosts on this machine: Debian with systemd and sshd, each with its own
processes, network, disk and cgroups. They are namespaces, not virtual machines,
and share this machine's kernel. Root is needed.`,
		Example: `  keelway lab create --controlplanes 1 --workers 1
  keelway lab ssh cp1
  keelway lab delete`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var name string
	c.PersistentFlags().StringVar(&name, "lab", "lab", "the lab's name")
	completeFlag(c, "lab", labs)
	c.AddCommand(newLabCreate(s, &name), newLabList(s), newLabSSH(s, &name), newLabStop(&name), newLabStart(s, &name),
		newLabPartition(s, &name), newLabHeal(&name), newLabDelete(s, &name))
	return c
}

func newLabCreate(s streams, name *string) *cobra.Command {
	o := lab.Options{Self: s.self}
	var output, file, family string
	c := &cobra.Command{
		Use:   "create",
		Short: "Make hosts, and wait until they have booted",
		Long: `Make hosts, and wait until they have booted and answer over SSH. Run again, it
makes what is missing. The first lab installs Debian once and keeps it in
` + image.Cache + `.`,
		Example: `  keelway lab create --controlplanes 3 --workers 2 --loadbalancers 1
  keelway lab create --controlplanes 3 --workers 3 --file cluster.yaml
  keelway lab create --lab one --controlplanes 1 --share dist`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Name, o.Family = *name, lab.Family(family)
			if err := checkLabFile(file, *name); err != nil {
				return err
			}
			if o.Share != "" {
				path, err := filepath.Abs(o.Share)
				if err != nil {
					return usageError{err}
				}
				if info, err := os.Stat(path); err != nil || !info.IsDir() {
					return usageError{fmt.Errorf("--share %s is not a folder", path)}
				}
				o.Share = path
			}
			events, end, err := report.Choose(s.out, output, report.Options{NoColor: noColor(c)})
			if err != nil {
				return usageError{err}
			}
			defer end()
			o.Events = events
			l, err := lab.Create(c.Context(), o)
			if err != nil {
				return err
			}
			if err := writeLabFile(file, l); err != nil {
				return err
			}
			end()
			if output != "json" {
				fmt.Fprintf(s.out, "\nNext:\n  keelway lab ssh --lab %s %s\n  ssh -F %s %s\n", l.Name, l.Hosts[0].Name, l.SSHConfig(), l.Hosts[0].Name)
			}
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&o.ControlPlanes, "controlplanes", 1, "how many hosts cp1, cp2, ...")
	f.IntVar(&o.Workers, "workers", 0, "how many hosts w1, w2, ...")
	f.IntVar(&o.LoadBalancer, "loadbalancers", 0, "how many hosts lb1, lb2, ...")
	f.IntVar(&o.EtcdMembers, "etcd-members", 0, "how many hosts etcd1, etcd2, ... for etcd alone")
	f.StringVar(&family, "ip-family", string(lab.IPv4), "which addresses hosts have: ipv4, ipv6, or dual for both")
	f.StringVar(&o.Share, "share", "", "a folder of this machine that every host sees at "+lab.SharePath)
	f.StringVar(&file, "file", "", "write a cluster file for these hosts there")
	addOutput(c, &output)
	return c
}

func newLabList(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "list", Short: "Show labs, their hosts and addresses", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			labs, err := lab.List()
			if err != nil {
				return err
			}
			type row struct {
				Lab     string `json:"lab"`
				Host    string `json:"host"`
				Role    string `json:"role"`
				Address string `json:"address"`
				Running bool   `json:"running"`
			}
			rows := []row{}
			for _, l := range labs {
				for _, h := range l.Hosts {
					rows = append(rows, row{l.Name, h.Name, string(h.Role), h.Address.String(), h.Running()})
				}
			}
			return s.print(output, rows, func(to io.Writer) {
				w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "LAB\tHOST\tROLE\tADDRESS\tSTATE")
				for _, r := range rows {
					state := "stopped"
					if r.Running {
						state = "running"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Lab, r.Host, r.Role, r.Address, state)
				}
				_ = w.Flush() // into memory
			})
		},
	}
	addData(c, &output)
	return c
}

func newLabSSH(s streams, name *string) *cobra.Command {
	return &cobra.Command{
		Use: "ssh HOST [-- COMMAND...]", Short: "Log in to a host, or run a command there", Args: cobra.MinimumNArgs(1),
		Example:           "  keelway lab ssh cp1\n  keelway lab ssh cp1 -- systemctl status",
		ValidArgsFunction: labHosts(name),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			h, err := l.Host(args[0])
			if err != nil {
				return err
			}
			ssh := exec.CommandContext(c.Context(), "ssh", append([]string{"-F", l.SSHConfig(), h.Name}, args[1:]...)...)
			ssh.Stdin, ssh.Stdout, ssh.Stderr = s.in, s.out, s.err
			err = ssh.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return silentError{&operation.ExitError{Code: exit.ExitCode()}}
			}
			return err
		},
	}
}

func newLabStop(name *string) *cobra.Command {
	var cut bool
	c := &cobra.Command{
		Use: "stop [HOST...]", Short: "Stop hosts: every host of the lab, or those named", ValidArgsFunction: labHosts(name),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			return l.Stop(c.Context(), cut, args...)
		},
	}
	c.Flags().BoolVar(&cut, "cut", false, "as in a power cut: nothing is ended in order")
	return c
}

func newLabStart(s streams, name *string) *cobra.Command {
	return &cobra.Command{
		Use: "start [HOST...]", Short: "Boot hosts that were stopped: every host of the lab, or those named", ValidArgsFunction: labHosts(name),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			return l.Start(c.Context(), s.self, args...)
		},
	}
}

func newLabDelete(s streams, name *string) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "delete", Short: "Remove a lab with everything on its hosts", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := lab.Open(*name)
			if err != nil {
				return err
			}
			if !yes {
				if err := s.confirm(fmt.Sprintf("This deletes the lab %s with its %d hosts.", l.Name, len(l.Hosts))); err != nil {
					return err
				}
			}
			return l.Delete(c.Context())
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

// newLabLaunch is the process that keeps a host, until it becomes systemd-nspawn.
func newLabLaunch() *cobra.Command {
	return &cobra.Command{
		Use: "lab-launch FILE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			// The environment is the lab's own from here on.
			syscall.Umask(0o022)
			return lab.Launch(args[0])
		},
	}
}
