package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config"
)

// outputAPIVersion is that of what kubeadm prints for programs.
const outputAPIVersion = "output.kubeadm.k8s.io/v1alpha3"

// printedToken is kubeadm's kind BootstrapToken.
type printedToken struct {
	metav1.TypeMeta       `json:",inline"`
	config.BootstrapToken `json:",inline"`
}

func outputToken(t config.BootstrapToken) printedToken {
	return printedToken{metav1.TypeMeta{Kind: "BootstrapToken", APIVersion: outputAPIVersion}, t}
}

func newTokenList(s streams, o *tokenFlags) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "list", Short: "Print the tokens of the cluster", Args: cobra.NoArgs,
		Example: `  keelway token list
  keelway token list -o jsonpath='{.token}{"\n"}'`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkFormat(output); err != nil {
				return err
			}
			api, err := o.open(s, c)
			if err != nil {
				return err
			}
			tokens, warnings, err := api.List(c.Context())
			if err != nil {
				return err
			}
			for _, w := range warnings {
				fmt.Fprintln(s.err, "warning: "+w)
			}
			if output == "text" {
				return printTokens(s.out, tokens, time.Now())
			}
			for i, t := range tokens {
				if output == "yaml" && i > 0 {
					fmt.Fprintln(s.out, "---")
				}
				if err := printObject(s.out, output, outputToken(t)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text, json, yaml or jsonpath={...}")
	return c
}

func printTokens(out io.Writer, tokens []config.BootstrapToken, now time.Time) error {
	if len(tokens) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 10, 4, 3, ' ', 0)
	fmt.Fprintln(w, "TOKEN\tTTL\tEXPIRES\tUSAGES\tDESCRIPTION\tEXTRA GROUPS")
	for _, t := range tokens {
		left, end := "<forever>", "<never>"
		if t.Expires != nil {
			left, end = duration.ShortHumanDuration(t.Expires.Sub(now)), t.Expires.Format(time.RFC3339)
		}
		row := []string{t.Token.String(), left, end, strings.Join(t.Usages, ","), t.Description, strings.Join(t.Groups, ",")}
		for i, cell := range row {
			if cell == "" {
				row[i] = "<none>"
			}
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// checkFormat refuses a format that printObject does not know.
func checkFormat(format string) error {
	template, isPath := strings.CutPrefix(format, "jsonpath=")
	switch {
	case isPath:
		if err := jsonpath.New("output").Parse(template); err != nil {
			return usageError{fmt.Errorf("--output: %w", err)}
		}
		return nil
	case format == "text", format == "json", format == "yaml":
		return nil
	}
	return usageError{fmt.Errorf("cannot print as %q: --output takes text, json, yaml or jsonpath={...}", format)}
}

// printObject prints a kind for programs, in kubectl's form.
func printObject(out io.Writer, format string, object any) error {
	data, err := json.MarshalIndent(object, "", "    ")
	if err != nil {
		return err
	}
	if template, ok := strings.CutPrefix(format, "jsonpath="); ok {
		var tree any
		if err := utiljson.Unmarshal(data, &tree); err != nil { // keeps whole numbers whole
			return err
		}
		j := jsonpath.New("output").AllowMissingKeys(true)
		if err := j.Parse(template); err != nil {
			return usageError{fmt.Errorf("--output: %w", err)}
		}
		return j.Execute(out, tree)
	}
	if format == "yaml" {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return err
		}
	} else {
		data = append(data, '\n')
	}
	_, err = out.Write(data)
	return err
}
