package supervisor

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/service/process"
)

// short bounds a program that registers a script with an init system.
const short = 20 * time.Second

// command runs a short program through the table: os/exec would wait for a
// child that the table has reaped.
func (d *daemon) command(ctx context.Context, argv ...string) error {
	out, err := os.CreateTemp("", "keelway-supervisor-")
	if err != nil {
		return err
	}
	defer out.Close()
	os.Remove(out.Name())
	p, _, err := d.table.Start(process.Spec{
		Path: argv[0], Argv: argv, Output: out, Umask: 0o022,
		Env: []string{"PATH=" + process.Search, "LANG=C.UTF-8"},
	})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-time.After(short):
		_ = p.Signal(syscall.SIGKILL)
		<-p.Done()
		return fmt.Errorf("%s: timed out after %v", strings.Join(argv, " "), short)
	case <-ctx.Done():
		_ = p.Signal(syscall.SIGKILL)
		<-p.Done()
		return ctx.Err()
	}
	if p.Exit().OK() {
		return nil
	}
	text := make([]byte, 4096)
	n, _ := out.ReadAt(text, 0)
	return fmt.Errorf("%s: %v: %s", strings.Join(argv, " "), p.Exit(), strings.TrimSpace(string(text[:n])))
}
