package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/serve"
)

// newBundleServe is what `apply` runs on a host that hands the bundle on to its
// zone, not a command for people. It ends with its standard input.
func newBundleServe(s streams) *cobra.Command {
	var listen, id, sum string
	c := &cobra.Command{
		Use:    "serve FILE",
		Short:  "Serve a bundle to the machines beside this one (run by apply)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, s.in) // however it ends, whoever asked is gone
				cancel()
			}()
			b, err := bundle.Open(ctx, args[0], filepath.Join(filepath.Dir(args[0]), "unpacked"))
			if err != nil {
				return err
			}
			if b.ID != id {
				return fmt.Errorf("%s is bundle %.12s, and %.12s is wanted: apply again", args[0], b.ID, id)
			}
			handler, err := serve.Handler(b, map[string]string{sum: s.self})
			if err != nil {
				return err
			}
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
			if err != nil {
				return err
			}
			server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
			stop := context.AfterFunc(ctx, func() { server.Close() })
			defer stop()
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "the address and port")
	c.Flags().StringVar(&id, "id", "", "the sha256 of the bundle's manifest")
	c.Flags().StringVar(&sum, "self", "", "the sha256 of this program, which is served too")
	return c
}
