// Package cli turns flags into one call of an operation and prints its report.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/apply"
	"keelway.dev/keelway/internal/operation"
)

// Exit codes, by class of error.
const (
	exitOK          = 0
	exitFailed      = 1   // something that was begun failed; run it again after the fix
	exitUsage       = 2   // what was asked for cannot be; nothing was done
	exitPreflight   = 3   // the machine does not fit; nothing was done
	exitRefused     = 4   // a rule forbids it; nothing was done
	exitBusy        = 5   // another keelway is at work on this machine
	exitInterrupted = 130 // Ctrl-C or SIGTERM; run it again to go on
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err *os.File
	// self is the path of the program that runs.
	self string
}

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// Main runs one command line and returns its exit code.
func Main(args []string, in io.Reader, out, errOut *os.File) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(errOut, "error: cannot find my own program:", err)
		return exitFailed
	}
	s := streams{in: in, out: out, err: errOut, self: self}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		// The first signal asks for an orderly end; the second one is the
		// default: an end at once.
		<-ctx.Done()
		stop()
	}()
	root := newRoot(s)
	root.SetArgs(commandLine(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err = root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	var silent silentError
	if !errors.As(err, &silent) {
		fmt.Fprintln(errOut, "error: "+strings.TrimSpace(err.Error()))
	}
	return code
}

// commandLine lets a link named kubectl work as `keelway kubectl` does.
func commandLine(args []string) []string {
	if filepath.Base(args[0]) == "kubectl" {
		return append([]string{"kubectl"}, args[1:]...)
	}
	return args[1:]
}

// silentError has been reported already.
type silentError struct{ err error }

func (e silentError) Error() string { return e.err.Error() }
func (e silentError) Unwrap() error { return e.err }

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var preflight *operation.PreflightError
	var refused *apply.RefusedError
	var busy *operation.BusyError
	var exit *operation.ExitError
	var wish *operation.WishError
	switch {
	case errors.As(err, &exit):
		return exit.Code
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &wish):
		return exitUsage
	case errors.As(err, &preflight):
		return exitPreflight
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &busy):
		return exitBusy
	}
	return exitFailed
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "keelway",
		Short:         "From bare Linux machines to a production Kubernetes cluster, with nothing hidden",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
	})
	root.PersistentFlags().Bool("no-color", false, "print without colours (also: the environment's NO_COLOR)")
	root.AddCommand(
		newUp(s), newDown(s), newInit(s), newJoin(s), newPlan(s), newApply(s), newDestroy(s), newVersion(s), newKubectl(s),
		newExplain(s), newStatus(s), newDiagnose(s),
		newConfig(s), newToken(s), newCerts(s), newKubeconfig(s), newUpgrade(s), newBundle(s), newCluster(s), newLab(s), newLabLaunch(), newDocs(), newSupervise(s), newApprover(s),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes a wrong number or name of arguments an error of usage.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usageError{fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
