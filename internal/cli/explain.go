package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/report"
	"keelway.dev/keelway/internal/report/text"
)

func newExplain(s streams) *cobra.Command {
	var o cluster.Options
	var profile, output string
	c := &cobra.Command{
		Use:   "explain [step, phase, component or file]",
		Short: "Say what every step of up does, why, which files it writes and who reads them",
		Long: `Say what every step of 'keelway up' does on this machine, why, which files it
writes and which component reads each. Of one file it also says how it is now;
secrets are never shown. Nothing is changed, and no cluster is needed.

Without flags it speaks of the cluster that is on this machine, if there is one:
on a worker of what 'join' or 'apply' does there.`,
		Example: `  keelway explain
  keelway explain certs/apiserver
  keelway explain /etc/kubernetes/pki/ca.crt
  keelway explain kubelet.conf
  keelway explain security --profile kubeadm`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ask := operation.ExplainOptions{Cluster: chosenCluster(c, o, profile)}
			if len(args) > 0 {
				ask.Name = args[0]
			}
			m, err := s.machine(c.Context(), silent{})
			if err != nil {
				return err
			}
			e, err := operation.Explain(c.Context(), m, ask)
			if err != nil {
				return usageOf(err)
			}
			return s.print(output, e, func(w io.Writer) { printExplanation(w, e, s.width()) })
		},
		ValidArgsFunction: beginning(func(c *cobra.Command, args []string) []string {
			if len(args) > 0 {
				return nil
			}
			m, err := s.machine(c.Context(), silent{})
			if err != nil {
				return nil
			}
			names, err := operation.ExplainNames(c.Context(), m, chosenCluster(c, o, profile))
			if err != nil {
				return nil
			}
			return names
		}),
	}
	clusterFlags(c, &o, &profile)
	addData(c, &output)
	return c
}

// clusterFlags say what the cluster is to be. Where there is one already, what
// is not given is as it is there.
func clusterFlags(c *cobra.Command, o *cluster.Options, profile *string) {
	f := c.Flags()
	f.StringVar(&o.KubernetesVersion, "kubernetes-version", "", "such as v1.37.0 (default: the newest release)")
	f.StringVar(profile, "profile", "", "hardened (the default), or kubeadm: its own defaults")
	f.StringVar(&o.AdvertiseAddress, "apiserver-advertise-address", "", "the API server's (default: the default route's)")
	f.Int32Var(&o.BindPort, "apiserver-bind-port", 0, "the port of the API server (default 6443)")
	f.StringSliceVar(&o.CertSANs, "apiserver-cert-extra-sans", nil, "more names and addresses in its certificate")
	f.StringVar(&o.ControlPlaneEndpoint, "control-plane-endpoint", "", "a stable name or address for all control planes")
	f.StringVar(&o.NodeName, "node-name", "", "the node's name (default: the host name)")
	f.StringVar(&o.PodSubnet, "pod-network-cidr", "", "the range of pod addresses (default "+cluster.DefaultPodSubnet+")")
	f.StringVar(&o.ServiceSubnet, "service-cidr", "", "the range of Service addresses (default 10.96.0.0/12)")
	f.StringVar(&o.DNSDomain, "service-dns-domain", "", "the domain of Service names (default cluster.local)")
	completeFlag(c, "kubernetes-version", versions)
	completeFlag(c, "profile", profiles)
	f.BoolVar(&o.KeepTaint, "keep-taint", false, "keep the taint: pods wait for a second machine")
}

// chosenCluster is nil when none of those flags was given.
func chosenCluster(c *cobra.Command, o cluster.Options, profile string) *cluster.Options {
	chosen := false
	for _, name := range []string{
		"kubernetes-version", "profile", "apiserver-advertise-address", "apiserver-bind-port", "apiserver-cert-extra-sans",
		"control-plane-endpoint", "node-name", "pod-network-cidr", "service-cidr", "service-dns-domain", "keep-taint",
	} {
		chosen = chosen || c.Flags().Changed(name)
	}
	if !chosen {
		return nil
	}
	o.Profile = cluster.Profile(profile)
	return &o
}

// silent takes no events: a command that only reads has nothing to report but
// its answer.
type silent struct{}

func (silent) Emit(report.Event) {}

func addData(c *cobra.Command, into *string) {
	c.Flags().StringVarP(into, "output", "o", "text", "text, json or yaml")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

// print writes data in the format asked for, all at once.
func (s streams) print(output string, data any, asText func(io.Writer)) error {
	var b bytes.Buffer
	switch output {
	case "", "text":
		asText(&b)
	case "json":
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(data); err != nil {
			return err
		}
	case "yaml":
		out, err := yaml.Marshal(data)
		if err != nil {
			return err
		}
		b.Write(out)
	default:
		return usageError{fmt.Errorf("cannot print as %q: --output takes text, json or yaml", output)}
	}
	_, err := s.out.Write(b.Bytes())
	return err
}

// width is how many columns text may take.
func (s streams) width() int {
	const most = 100
	if columns, _, err := term.GetSize(int(s.out.Fd())); err == nil && columns > 20 {
		return min(columns, most)
	}
	return most
}

// paragraph writes words in lines, each after the indent.
func paragraph(w io.Writer, indent, words string, width int) {
	for _, line := range text.Wrap(words, max(20, width-len(indent))) {
		fmt.Fprintln(w, indent+line)
	}
}

// hanging writes rows in columns after an indent; the last column is wrapped,
// below the others where it would become too narrow beside them.
func hanging(w io.Writer, indent string, rows [][]string, width int) {
	const narrow, deeper = 36, "    "
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], text.Columns(cell))
		}
	}
	left := len(indent)
	for _, n := range widths {
		left += n + 2
	}
	for _, row := range rows {
		lead := indent
		for i, cell := range row[:len(row)-1] {
			lead += text.Pad(cell, widths[i]+2)
		}
		last := row[len(row)-1]
		if width-left < narrow || last == "" {
			fmt.Fprintln(w, strings.TrimRight(lead, " "))
			if last != "" {
				paragraph(w, indent+deeper, last, width)
			}
			continue
		}
		for i, line := range text.Wrap(last, width-left) {
			if i > 0 {
				lead = strings.Repeat(" ", left)
			}
			fmt.Fprintln(w, lead+line)
		}
	}
}
