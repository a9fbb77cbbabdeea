package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/load"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/pki/seal"
)

// tokenFlags are those of all token commands.
type tokenFlags struct {
	kubeconfig string
	dryRun     bool
}

func newToken(s streams) *cobra.Command {
	o := &tokenFlags{}
	c := &cobra.Command{
		Use:   "token",
		Short: "Make, list and delete the tokens with which machines join",
		Example: `  keelway token create --print-join-command
  keelway token create --ttl 2h --description "rack 7"
  keelway token list
  keelway token delete abcdef`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&o.kubeconfig, "kubeconfig", kube.AdminConf, "the kubeconfig to call the cluster with")
	c.PersistentFlags().BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and change nothing")
	c.AddCommand(newTokenCreate(s, o), newTokenDelete(s, o), newTokenGenerate(s), newTokenList(s, o))
	return c
}

// open makes the client.
func (o *tokenFlags) open(s streams, c *cobra.Command) (*operation.Tokens, error) {
	h, err := s.thisHost()
	if err != nil {
		return nil, err
	}
	return operation.OpenTokens(c.Context(), h, o.kubeconfig, time.Now)
}

func newTokenGenerate(s streams) *cobra.Command {
	return &cobra.Command{
		Use: "generate", Short: "Print a new random token, and store it nowhere", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, operation.NewToken().String())
			return err
		},
	}
}

// createFlags are those of `token create`.
type createFlags struct {
	*tokenFlags
	token               config.BootstrapToken
	ttl                 time.Duration
	config, key, output string
	join                bool
}

func newTokenCreate(s streams, shared *tokenFlags) *cobra.Command {
	o := &createFlags{tokenFlags: shared}
	c := &cobra.Command{
		Use:   "create [token]",
		Short: "Make a token in the cluster",
		Long: `Make a token in the cluster, a random one unless you give it. A "-" reads it
from standard input, where no process list shows it.`,
		Example: `  keelway token create --print-join-command
  keelway token create --ttl 0 --usages signing`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return s.createToken(c, o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "a configuration file, whose bootstrapTokens are made")
	f.BoolVar(&o.join, "print-join-command", false, "print the whole command with which a machine joins")
	f.StringVar(&o.key, "certificate-key", "", "print the command for a control plane, with this key of the uploaded certificates")
	f.DurationVar(&o.ttl, "ttl", 24*time.Hour, "how long the token is good for; 0 is for ever")
	f.StringSliceVar(&o.token.Usages, "usages", []string{"signing", "authentication"}, "what the token may be used for")
	f.StringSliceVar(&o.token.Groups, "groups", []string{config.DefaultTokenGroup}, "the groups of who joins with it")
	f.StringVar(&o.token.Description, "description", "", "what the token is for, for people")
	f.StringVarP(&o.output, "output", "o", "text", "text or json")
	return c
}

func (s streams) createToken(c *cobra.Command, o *createFlags, args []string) error {
	tokens, err := o.tokens(s, c, args)
	if err != nil {
		return err
	}
	for i := range tokens {
		if err := operation.CheckToken(&tokens[i]); err != nil {
			return err
		}
	}
	if o.key != "" {
		if !o.join {
			return usageError{errors.New("--certificate-key needs --print-join-command: it is part of that command")}
		}
		if _, err := seal.ParseKey(o.key); err != nil {
			return usageError{fmt.Errorf("--certificate-key: %w", err)}
		}
	}
	if o.output != "text" && o.output != "json" {
		return usageError{fmt.Errorf("cannot print as %q: --output takes text or json", o.output)}
	}
	api, err := o.open(s, c)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if o.dryRun {
			fmt.Fprintf(s.err, "would create the Secret kube-system/bootstrap-token-%s\n", t.Token.ID)
		} else if err := api.Create(c.Context(), t); err != nil {
			return err
		}
	}
	var join *operation.JoinCommand
	if o.join {
		if join, err = api.Join(c.Context(), *tokens[0].Token, o.key); err != nil {
			return err
		}
	}
	switch {
	case o.output == "json" && join != nil:
		return printObject(s.out, "json", join)
	case o.output == "json":
		return printObject(s.out, "json", outputToken(tokens[0]))
	case join != nil:
		_, err = fmt.Fprintln(s.out, join.Line())
	default:
		_, err = fmt.Fprintln(s.out, tokens[0].Token.String())
	}
	return err
}

// tokens are those of the flags, or of the configuration file.
func (o *createFlags) tokens(s streams, c *cobra.Command, args []string) ([]config.BootstrapToken, error) {
	if o.config != "" {
		for _, name := range []string{"ttl", "usages", "groups", "description"} {
			if c.Flags().Changed(name) {
				return nil, usageError{fmt.Errorf("--config and --%s exclude each other: the file has bootstrapTokens", name)}
			}
		}
	}
	var given *config.TokenString
	if len(args) == 1 {
		text := args[0]
		if text == "-" {
			line, err := bufio.NewReader(s.in).ReadString('\n')
			if text = strings.TrimSpace(line); text == "" {
				return nil, usageError{fmt.Errorf("no token came from standard input: %w", err)}
			}
		}
		var err error
		if given, err = config.ParseToken(text); err != nil {
			return nil, usageError{err}
		}
	}
	if o.config == "" {
		t := o.token
		if !c.Flags().Changed("groups") {
			t.Groups = nil // the default goes with what the token is for
		}
		t.Token, t.TTL = given, &metav1.Duration{Duration: o.ttl}
		return []config.BootstrapToken{t}, nil
	}
	text, err := os.ReadFile(o.config)
	if err != nil {
		return nil, usageError{err}
	}
	set, err := load.Read(o.config, text, load.Options{})
	if err != nil {
		return nil, usageError{err}
	}
	if set.Init == nil || len(set.Init.BootstrapTokens) == 0 {
		return []config.BootstrapToken{{Token: given}}, nil
	}
	if given != nil {
		set.Init.BootstrapTokens[0].Token = given
	}
	return set.Init.BootstrapTokens, nil
}

func newTokenDelete(s streams, o *tokenFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "delete <token>...",
		Short:   "Delete tokens, named whole or by their ID",
		Example: `  keelway token delete abcdef`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ids, err := operation.TokenIDs(args)
			if err != nil {
				return err
			}
			api, err := o.open(s, c)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if o.dryRun {
					fmt.Fprintf(s.err, "would delete the Secret kube-system/bootstrap-token-%s\n", id)
				} else if err := api.Delete(c.Context(), id); err != nil {
					return err
				}
				// kubeadm's words: scripts read them.
				fmt.Fprintf(s.out, "bootstrap token %q deleted\n", id)
			}
			return nil
		},
	}
}
