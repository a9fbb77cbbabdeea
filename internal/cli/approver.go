package cli

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/approver"
	"keelway.dev/keelway/internal/kube"
)

// newApprover is a service on control planes, not a command for people.
func newApprover(s streams) *cobra.Command {
	var kubeconfig string
	var ranges []string
	var o approver.Options
	c := &cobra.Command{
		Use:    "approver",
		Short:  "Approve the kubelets' serving certificates (a service that control planes run)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			data, err := os.ReadFile(kubeconfig)
			if err != nil {
				return err
			}
			client, err := kube.New(data, nil)
			if err != nil {
				return err
			}
			// A watch is open for minutes.
			client.Config.Timeout = 0
			if o.Client, err = kube.Typed(client.Config); err != nil {
				return err
			}
			for _, r := range ranges {
				p, err := netip.ParsePrefix(r)
				if err != nil {
					return usageError{fmt.Errorf("--range %s: %w", r, err)}
				}
				o.Ranges = append(o.Ranges, p)
			}
			if host, _, err := net.SplitHostPort(o.Endpoint); err == nil {
				o.Endpoint = host
			}
			o.Log = slog.New(slog.NewTextHandler(s.err, nil))
			trimLater()
			return approver.Run(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&kubeconfig, "kubeconfig", "/etc/kubernetes/keelway-approver.conf", "the approver's own kubeconfig")
	f.StringSliceVar(&ranges, "range", nil, "a range whose addresses no node may claim: the pod and Service ranges")
	f.StringVar(&o.Domain, "service-dns-domain", "cluster.local", "the domain of Service names")
	f.StringVar(&o.Endpoint, "control-plane-endpoint", "", "the shared name or address of the control planes")
	return c
}
