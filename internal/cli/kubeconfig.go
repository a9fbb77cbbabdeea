package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/operation"
)

func newKubeconfig(s streams) *cobra.Command {
	c := &cobra.Command{
		Use: "kubeconfig", Short: "Make kubeconfig files for more users", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKubeconfigUser(s))
	return c
}

func newKubeconfigUser(s streams) *cobra.Command {
	o := &certsFlags{kubeconfig: kube.AdminConf}
	var u operation.User
	c := &cobra.Command{
		Use:   "user",
		Short: "Print a kubeconfig file for a user, with a new certificate or a token",
		Example: `  keelway kubeconfig user --client-name ada --org developers --validity-period 720h
  keelway kubeconfig user --client-name ci --token "$(cat token)"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if u.Name == "" {
				return usageError{fmt.Errorf("which user? name it with --client-name; see '%s --help'", c.CommandPath())}
			}
			if u.Validity <= 0 {
				return usageError{fmt.Errorf("--validity-period: %s is not a time ahead", u.Validity)}
			}
			return s.certs(c, o, false, func(certs *operation.Certs) error {
				data, warning, err := certs.UserKubeconfig(c.Context(), u)
				if err != nil {
					return err
				}
				if warning != "" {
					fmt.Fprintln(s.err, "warning: "+warning)
				}
				_, err = fmt.Fprintln(s.out, string(data))
				return err
			})
		},
	}
	o.add(c)
	f := c.Flags()
	f.StringVar(&u.Name, "client-name", "", "the user's name, the certificate's CN")
	f.StringSliceVar(&u.Groups, "org", nil, "the user's groups, the certificate's O")
	f.DurationVar(&u.Validity, "validity-period", operation.UserValidity, "how long the certificate is good for")
	f.StringVar(&u.Token, "token", "", "a token to show instead of a certificate")
	return c
}
