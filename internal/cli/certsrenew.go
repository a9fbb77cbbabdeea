package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/pki/renew"
)

func newCertsRenew(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "renew",
		Short: "Issue certificates anew, whenever they expire",
		Long: `Issue certificates anew, with new keys. Names stay, and those that were configured
since are added; algorithm and validity become the configured. What is replaced is
kept in /var/lib/keelway/backup. Restart what uses it afterwards.`,
		Example: `  keelway certs renew all
  keelway certs renew apiserver --config kubeadm.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("which certificate? 'all', or one of those that '%s --help' lists", c.CommandPath())}
		},
	}
	c.AddCommand(newRenewOne(s, "all", "Renew all certificates", nil))
	for _, name := range renew.Names() {
		c.AddCommand(newRenewOne(s, name, "Renew the certificate "+name, []string{name}))
	}
	return c
}

func newRenewOne(s streams, use, short string, names []string) *cobra.Command {
	o := &certsFlags{}
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: "  keelway certs renew " + use,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.certs(c, o, true, func(certs *operation.Certs) error { return s.renew(c, certs, names) })
		},
	}
	o.add(c)
	o.addCertDir(c)
	o.addKubeconfig(c)
	return c
}

// renew prints kubeadm's lines, and notes to where they disturb no script.
func (s streams) renew(c *cobra.Command, certs *operation.Certs, names []string) error {
	var last operation.Renewal
	backup := ""
	err := certs.Renew(c.Context(), names, func(r operation.Renewal) {
		switch last = r; r.Outcome {
		case operation.WasMissing:
			fmt.Fprintln(s.out, "MISSING! "+r.What)
		case operation.WasExternal:
			fmt.Fprintf(s.out, "Detected external %s, %s can't be renewed\n", r.Issuer, r.What)
		default:
			backup = r.Backup
			fmt.Fprintln(s.out, r.What+" renewed")
		}
		for _, n := range r.Notes {
			fmt.Fprintf(s.err, "note: %s: %s\n", r.Name, n)
		}
	})
	if backup != "" {
		fmt.Fprintln(s.err, "note: what was replaced is in "+backup)
	}
	switch {
	case err != nil:
		return err
	case len(names) == 1 && last.Outcome == operation.WasMissing:
		return fmt.Errorf("%s does not exist: there is nothing to renew; `keelway init phase` makes what is missing", last.Name)
	case len(names) == 1 && last.Outcome == operation.WasExternal:
		return fmt.Errorf("%s was not renewed: the key of its authority %s is not on this machine (external CA); `keelway certs generate-csr` makes a request for whoever has it", last.Name, last.Issuer)
	case len(names) == 0:
		fmt.Fprint(s.out, "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so that they can use the new certificates.\n")
	}
	return nil
}

func newGenerateCSR(s streams) *cobra.Command {
	o := &certsFlags{}
	c := &cobra.Command{
		Use:   "generate-csr",
		Short: "Make keys and signing requests, for an authority whose key is elsewhere",
		Long: `Make keys and signing requests (.csr) for every certificate of a control plane. Put
each signed certificate beside its key with the ending .crt, and those of kubeconfig
files into them, as client-certificate-data. Nothing that exists is overwritten.`,
		Example: `  keelway certs generate-csr --cert-dir /tmp/k/pki --kubeconfig-dir /tmp/k`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return s.certs(c, o, true, func(certs *operation.Certs) error {
				r, err := certs.Request(c.Context())
				if err != nil {
					return err
				}
				fmt.Fprintln(s.out, "generating keys and CSRs in "+r.CertDir)
				for _, name := range r.Certificates {
					fmt.Fprintln(s.out, "  "+name)
				}
				fmt.Fprintln(s.out, "generating keys and CSRs in "+r.KubeconfigDir)
				for _, name := range r.Kubeconfigs {
					fmt.Fprintln(s.out, "  "+name)
				}
				return nil
			})
		},
	}
	o.add(c)
	o.addCertDir(c)
	c.Flags().StringVar(&o.kubeconfigDir, "kubeconfig-dir", "/etc/kubernetes", "the folder of the kubeconfig files")
	return c
}
