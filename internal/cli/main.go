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
	"keelway.dev/keelway/internal/kube/lease"
	"keelway.dev/keelway/internal/lab"
	"keelway.dev/keelway/internal/operation"
)

// Exit codes, by class of error.
const (
	exitOK          = 0
	exitFailed      = 1   // something that was begun failed; run it again after the fix
	exitUsage       = 2   // what was asked for cannot be; nothing was done
	exitPreflight   = 3   // the machine does not fit; nothing was done
	exitRefused     = 4   // a rule forbids it; nothing was done
	exitBusy        = 5   // another keelway is at work on this machine or cluster
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
	return joinLevel(args[1:])
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
	var held *lease.HeldError
	var exit *operation.ExitError
	var wish *operation.WishError
	var noLab *lab.NotFoundError
	switch {
	case errors.As(err, &exit):
		return exit.Code
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &wish), errors.As(err, &noLab):
		return exitUsage
	case errors.As(err, &preflight):
		return exitPreflight
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &busy), errors.As(err, &held):
		return exitBusy
	}
	return exitFailed
}

func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "keelway",
		Short: "From bare Linux machines to a production Kubernetes cluster, with nothing hidden",
		Example: `  keelway explain       what up would do here, step by step
  keelway up            make this machine a cluster
  keelway status        how it is
  keelway down          take all of it away again`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.Long = root.Short + ".\n\nExit codes:\n"
	for _, e := range exitCodes() {
		root.Long += fmt.Sprintf("  %-4d %s\n", e.code, e.meaning)
	}
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(s.usage)
	root.SetGlobalNormalizationFunc(sameFlag)
	root.PersistentFlags().Bool("no-color", false, "print without colours, as NO_COLOR in the environment")
	addGroups(root,
		group{"here", "This machine", []*cobra.Command{newUp(s), newDown(s), newStatus(s), newExplain(s), newVerify(s), newDiagnose(s), newKubectl(s)}},
		group{"kubeadm", "kubeadm's commands", []*cobra.Command{newInit(s), newJoin(s), newReset(s), newCerts(s), newConfig(s), newKubeconfig(s), newToken(s), newUpgrade(s)}},
		group{"fleet", "Many machines", []*cobra.Command{newPlan(s), newApply(s), newDestroy(s), newCluster(s)}},
		group{"prepare", "Before a cluster", []*cobra.Command{newBundle(s), newLab(s)}},
	)
	root.AddCommand(newVersion(s), newLabLaunch(), newDocs(), newSupervise(s), newApprover(s))
	wrapArgs(root)
	return root
}
