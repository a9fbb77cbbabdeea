package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keelway.dev/keelway/internal/spell"
)

// wrapArgs makes a wrong number or name of arguments an error of usage.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err == nil {
				return nil
			}
			var names []string
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() {
					names = append(append(names, sub.Name()), sub.Aliases...)
				}
			}
			var like []string
			if len(args) > 0 {
				like = spell.Like(args[0], names)
			}
			return usageError{fmt.Errorf("%w%s; see '%s --help'", err, didYouMean(like), c.CommandPath())}
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// flagError makes a wrong flag an error of usage.
func flagError(c *cobra.Command, err error) error {
	var like []string
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		for _, name := range spell.Like(unknown.GetSpecifiedName(), names) {
			like = append(like, "--"+name)
		}
	}
	return usageError{fmt.Errorf("%w%s; see '%s --help'", err, didYouMean(like), c.CommandPath())}
}

// didYouMean is the end of an error about a name that nobody knows.
func didYouMean(like []string) string {
	if len(like) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(like, " or ") + "?"
}
