package cli

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/pki/seal"
)

func newCerts(s streams) *cobra.Command {
	c := &cobra.Command{
		Use: "certs", Aliases: []string{"certificates"},
		Short: "See how long certificates last, renew them, request them elsewhere",
		Example: `  keelway certs check-expiration
  keelway certs renew all
  keelway certs generate-csr --cert-dir /tmp/k/pki --kubeconfig-dir /tmp/k`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCertificateKey(s), newCheckExpiration(s), newGenerateCSR(s), newCertsRenew(s))
	return c
}

func newCertificateKey(s streams) *cobra.Command {
	return &cobra.Command{
		Use: "certificate-key", Short: "Print a new key that seals uploaded certificates", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			key, err := seal.NewKey(rand.Reader)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(s.out, hex.EncodeToString(key))
			return err
		},
	}
}

// certsFlags say whose certificates are meant.
type certsFlags struct {
	config, kubeconfig, certDir, kubeconfigDir, rootfs string
}

// add adds the flags that all of these commands take.
func (o *certsFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "a configuration file (default: the cluster's own configuration)")
	f.StringVar(&o.rootfs, "rootfs", "", "the root folder of another system")
}

func (o *certsFlags) addCertDir(c *cobra.Command) {
	c.Flags().StringVar(&o.certDir, "cert-dir", "", "the folder of the certificates (default: the configuration's, /etc/kubernetes/pki)")
}

func (o *certsFlags) addKubeconfig(c *cobra.Command) {
	c.Flags().StringVar(&o.kubeconfig, "kubeconfig", kube.AdminConf, "the kubeconfig to read the cluster's configuration with")
}

// certs finds out what the certificates should be, and prints its warnings.
// exclusive keeps a second keelway from changing them at the same time.
func (s streams) certs(c *cobra.Command, o *certsFlags, exclusive bool, do func(*operation.Certs) error) error {
	ctx := c.Context()
	h, err := s.thisHost()
	if err != nil {
		return err
	}
	facts, err := operation.HostFacts(ctx, h)
	if err != nil {
		return err
	}
	if o.rootfs != "" {
		if err := local.Chroot(o.rootfs); err != nil {
			return err
		}
		facts = cluster.Facts{Hostname: facts.Hostname, Addresses: facts.Addresses}
	}
	opt := operation.CertsOptions{File: o.config, Kubeconfig: o.kubeconfig, CertDir: o.certDir, KubeconfigDir: o.kubeconfigDir, Facts: facts}
	if o.config != "" {
		if opt.Text, err = os.ReadFile(o.config); err != nil {
			return usageError{err}
		}
	}
	work := func() error {
		certs, err := operation.OpenCerts(ctx, h, time.Now, opt)
		if err != nil {
			return err
		}
		for _, w := range certs.Warnings {
			fmt.Fprintln(s.err, "warning: "+w)
		}
		return do(certs)
	}
	if !exclusive || o.rootfs != "" {
		return work()
	}
	return operation.Exclusive(ctx, h, work)
}

// printedExpiration is kubeadm's kind CertificateExpirationInfo.
type printedExpiration struct {
	metav1.TypeMeta        `json:",inline"`
	Certificates           []printedCertificate `json:"certificates"`
	CertificateAuthorities []printedCertificate `json:"certificateAuthorities"`
}

type printedCertificate struct {
	Name              string      `json:"name"`
	ExpirationDate    metav1.Time `json:"expirationDate"`
	ResidualTime      int64       `json:"residualTime"`
	ExternallyManaged bool        `json:"externallyManaged"`
	CAName            string      `json:"caName,omitempty"`
	Missing           bool        `json:"missing"`
}

func newCheckExpiration(s streams) *cobra.Command {
	o := &certsFlags{}
	var output string
	c := &cobra.Command{
		Use:   "check-expiration",
		Short: "Print how long each certificate lasts, and which are not as configured",
		Example: `  keelway certs check-expiration
  keelway certs check-expiration -o jsonpath='{.certificates[*].expirationDate}'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			return s.certs(c, o, false, func(certs *operation.Certs) error {
				e, err := certs.Expiration(c.Context())
				if err != nil {
					return err
				}
				return s.printExpiration(e, output)
			})
		},
	}
	o.add(c)
	o.addCertDir(c)
	o.addKubeconfig(c)
	c.Flags().StringVarP(&output, "output", "o", "text", "text, json, yaml or jsonpath={...}")
	return c
}

// printExpiration prints the table or the kind, and what is not as configured to
// where it disturbs no program.
func (s streams) printExpiration(e *operation.CertsExpiration, output string) error {
	var errs []error
	for _, one := range append(append([]operation.CertExpiration{}, e.Certificates...), e.Authorities...) {
		if one.Damaged() {
			errs = append(errs, errors.New(one.Problem))
		}
	}
	var err error
	if output == "text" {
		err = tableExpiration(s.out, e)
	} else {
		err = printObject(s.out, output, printedExpiration{
			metav1.TypeMeta{Kind: "CertificateExpirationInfo", APIVersion: outputAPIVersion}, printedCertificates(e.Certificates), printedCertificates(e.Authorities),
		})
	}
	if err != nil {
		return err
	}
	for _, line := range e.Changes {
		fmt.Fprintln(s.err, "not as configured: "+line)
	}
	return errors.Join(errs...)
}

func printedCertificates(list []operation.CertExpiration) []printedCertificate {
	var all []printedCertificate
	for _, e := range list {
		p := printedCertificate{Name: e.Name, Missing: e.Missing}
		if !e.Missing {
			p.ExpirationDate, p.ResidualTime = metav1.NewTime(e.NotAfter), int64(e.Residual/time.Second)
			p.ExternallyManaged, p.CAName = e.External, e.Issuer
		}
		all = append(all, p)
	}
	return all
}

// tableExpiration prints kubeadm's two tables.
func tableExpiration(out io.Writer, e *operation.CertsExpiration) error {
	w := tabwriter.NewWriter(out, 10, 4, 3, ' ', 0)
	row := func(e operation.CertExpiration, issuer ...string) {
		cells := append([]string{e.Name, e.NotAfter.Format("Jan 02, 2006 15:04 MST"), e.Left()}, issuer...)
		cells = append(cells, map[bool]string{true: "yes     ", false: "no      "}[e.External])
		switch {
		case e.Missing:
			cells = append([]string{"!MISSING! " + e.Name}, make([]string, len(cells)-1)...)
		case e.Damaged():
			cells = append([]string{"!DAMAGED! " + e.Name}, make([]string, len(cells)-1)...)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	fmt.Fprintln(w, "CERTIFICATE\tEXPIRES\tRESIDUAL TIME\tCERTIFICATE AUTHORITY\tEXTERNALLY MANAGED")
	for _, one := range e.Certificates {
		row(one, one.Issuer)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "CERTIFICATE AUTHORITY\tEXPIRES\tRESIDUAL TIME\tEXTERNALLY MANAGED")
	for _, one := range e.Authorities {
		row(one)
	}
	return w.Flush()
}
