// Package boot has a program started again after a reboot, by whatever starts programs on a machine.
package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Init is what starts programs at boot on this machine.
type Init struct {
	// Kind is "openrc", "sysv", "cron" or "" for nothing.
	Kind string
	// First is the name of process 1.
	First string
	// root is "/" but in tests.
	root string
}

// Runner runs a command to its end and returns an error with its output when
// it fails.
type Runner func(ctx context.Context, argv ...string) error

// Detect finds the init system that is running below root; installed files
// alone say nothing.
func Detect(root string) Init {
	i := Init{root: root, First: strings.TrimSpace(content(filepath.Join(root, "proc/1/comm")))}
	switch {
	case exists(root, "run/openrc") && exists(root, "etc/init.d"):
		i.Kind = "openrc"
	case i.First == "init" && exists(root, "etc/inittab") && exists(root, "etc/init.d"):
		i.Kind = "sysv"
	case exists(root, "etc/cron.d") && i.First != "" && cronRuns(root):
		i.Kind = "cron"
	}
	return i
}

// Path is the file that Install writes, "" when there is nothing to write.
func (i Init) Path() string {
	switch i.Kind {
	case "openrc", "sysv":
		return filepath.Join(i.root, "etc/init.d/keelway")
	case "cron":
		return filepath.Join(i.root, "etc/cron.d/keelway")
	}
	return ""
}

// String says whether and through what a program comes back after a reboot.
func (i Init) String() string {
	switch i.Kind {
	case "openrc":
		return "after a reboot, through OpenRC's " + i.Path()
	case "sysv":
		return "after a reboot, through SysV init's " + i.Path()
	case "cron":
		return "after a reboot, when cron starts, through " + i.Path()
	}
	return fmt.Sprintf("not after a reboot: PID 1 is %s, which starts nothing; run `keelway up` again", i.First)
}

// Install makes the command run at boot. halt is the command that ends what it
// started, at shutdown. Installing what is installed changes nothing.
func (i Init) Install(ctx context.Context, run Runner, command, halt []string) error {
	var text string
	mode := fs.FileMode(0o755)
	var enable []string
	switch i.Kind {
	case "":
		return nil
	case "openrc":
		text, enable = openrc(command, halt), []string{"rc-update", "add", "keelway", "default"}
	case "sysv":
		text, enable = sysv(command, halt), []string{"update-rc.d", "keelway", "defaults"}
	case "cron":
		text, mode = cron(command), 0o644
	}
	if old, err := os.ReadFile(i.Path()); err == nil && string(old) == text {
		return nil
	}
	if err := write(i.Path(), text, mode); err != nil {
		return fmt.Errorf("install a start at boot: %w", err)
	}
	if enable == nil {
		return nil
	}
	if err := run(ctx, enable...); err != nil {
		// Without its links the script would never run; do not claim it is there.
		os.Remove(i.Path())
		return fmt.Errorf("install a start at boot: %w", err)
	}
	return nil
}

// Remove undoes Install, also one that another init system was running for.
func (i Init) Remove(ctx context.Context, run Runner) error {
	var all []error
	for _, kind := range []string{"openrc", "sysv", "cron"} {
		all = append(all, Init{Kind: kind, root: i.root}.remove(ctx, run))
	}
	return errors.Join(all...)
}

func (i Init) remove(ctx context.Context, run Runner) error {
	path := i.Path()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var disable error
	switch {
	case i.Kind == "cron":
	case strings.HasPrefix(string(text), "#!/sbin/openrc-run"): // the same path as SysV's
		disable = run(ctx, "rc-update", "del", "keelway", "default")
	default:
		// It takes the links away only when the script is gone, or with -f.
		disable = run(ctx, "update-rc.d", "-f", "keelway", "remove")
	}
	return errors.Join(disable, os.Remove(path))
}

func exists(root, path string) bool {
	_, err := os.Stat(filepath.Join(root, path))
	return err == nil
}

func content(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

// cronRuns looks for a cron that reads /etc/cron.d; busybox's does not.
func cronRuns(root string) bool {
	comms, err := filepath.Glob(filepath.Join(root, "proc/[0-9]*/comm"))
	if err != nil {
		return false
	}
	for _, c := range comms {
		name := strings.TrimSpace(content(c))
		if name != "cron" && name != "crond" {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(c), "exe"))
		if err == nil && !strings.Contains(filepath.Base(exe), "busybox") {
			return true
		}
	}
	return false
}

func write(path, text string, mode fs.FileMode) error {
	// cron and run-parts pass over names with a dot.
	temp := filepath.Join(filepath.Dir(path), ".keelway.tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}
