// Package supervisor is the service manager for machines on which no init system runs services.
package supervisor

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Options says where a supervisor finds and keeps things. The zero value of
// each field but Command stands for the real machine's.
type Options struct {
	// Command starts the supervisor: a program and the words that select
	// Command below, such as /usr/local/bin/keelway supervise. It is needed to
	// start one in the background and to have one started at boot.
	Command []string
	// UnitDirs are searched for units, first one first; systemd's by default.
	UnitDirs []string
	// WantsDir holds a link for each enabled service, as systemd's
	// <target>.wants folders do. It is no target of systemd's own: what the
	// distribution has enabled there is none of the supervisor's business.
	WantsDir string
	// RunDir holds the socket, the lock and a record of each running service.
	// It may vanish with a reboot.
	RunDir string
	// LogDir holds <service>.log, its old files, and supervisor.log.
	LogDir string
	// Root is below which init systems are looked for; "/".
	Root string
	// LogSize is the size in bytes from which a log is rotated, 10 MiB;
	// LogKeep is how many old files are kept, 5.
	LogSize int64
	LogKeep int
	// MaxDelay is the longest wait before a restart, 30 s; ResetAfter is how
	// long a service must have run for the next wait to be the first again, 60 s.
	MaxDelay   time.Duration
	ResetAfter time.Duration
}

// WithDefaults fills what is not set.
func (o Options) WithDefaults() Options {
	if len(o.UnitDirs) == 0 {
		o.UnitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}
	}
	for _, d := range []struct {
		field *string
		value string
	}{
		{&o.WantsDir, "/etc/systemd/system/keelway.target.wants"},
		{&o.RunDir, "/run/keelway"},
		{&o.LogDir, "/var/log/keelway"},
		{&o.Root, "/"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.LogSize == 0 {
		o.LogSize = 10 << 20
	}
	if o.LogKeep == 0 {
		o.LogKeep = 5
	}
	if o.MaxDelay == 0 {
		o.MaxDelay = 30 * time.Second
	}
	if o.ResetAfter == 0 {
		o.ResetAfter = time.Minute
	}
	return o
}

// Socket is where the supervisor answers.
func (o Options) Socket() string { return filepath.Join(o.RunDir, "supervisor.sock") }

// Log is a service's log file.
func (o Options) Log(service string) string { return filepath.Join(o.LogDir, service+".log") }

// Record is the file that describes a service's running process.
func (o Options) Record(service string) string {
	return filepath.Join(o.runServices(), service+".json")
}

// Link is the link that enables a service.
func (o Options) Link(service string) string { return filepath.Join(o.WantsDir, service+".service") }

func (o Options) runServices() string { return filepath.Join(o.RunDir, "service") }

func (o Options) lock() string { return filepath.Join(o.RunDir, "supervisor.lock") }

func (o Options) notify(service string) string {
	return filepath.Join(o.runServices(), service+".notify")
}

// Argv is the command line that starts a supervisor with these options, with
// flags for what is not as on a real machine.
func (o Options) Argv(verb ...string) []string {
	argv := append([]string(nil), o.Command...)
	argv = append(argv, verb...)
	def := Options{}.WithDefaults()
	add := func(name, value, standard string) {
		if value != standard {
			argv = append(argv, "--"+name, value)
		}
	}
	add("unit-dirs", strings.Join(o.UnitDirs, ":"), strings.Join(def.UnitDirs, ":"))
	add("wants-dir", o.WantsDir, def.WantsDir)
	add("run-dir", o.RunDir, def.RunDir)
	add("log-dir", o.LogDir, def.LogDir)
	add("root", o.Root, def.Root)
	add("log-size", fmt.Sprint(o.LogSize), fmt.Sprint(def.LogSize))
	add("log-keep", fmt.Sprint(o.LogKeep), fmt.Sprint(def.LogKeep))
	add("max-delay", o.MaxDelay.String(), def.MaxDelay.String())
	add("reset-after", o.ResetAfter.String(), def.ResetAfter.String())
	return argv
}

// verbs of the command line; none runs the supervisor in the foreground.
const (
	verbDetach = "--detach"
	verbHalt   = "--halt"
)

// parse reads what Argv wrote.
func (o Options) parse(args []string) (Options, string, error) {
	def := Options{}.WithDefaults()
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	flags.SetOutput(discard{})
	units := flags.String("unit-dirs", strings.Join(def.UnitDirs, ":"), "")
	flags.StringVar(&o.WantsDir, "wants-dir", def.WantsDir, "")
	flags.StringVar(&o.RunDir, "run-dir", def.RunDir, "")
	flags.StringVar(&o.LogDir, "log-dir", def.LogDir, "")
	flags.StringVar(&o.Root, "root", def.Root, "")
	flags.Int64Var(&o.LogSize, "log-size", def.LogSize, "")
	flags.IntVar(&o.LogKeep, "log-keep", def.LogKeep, "")
	flags.DurationVar(&o.MaxDelay, "max-delay", def.MaxDelay, "")
	flags.DurationVar(&o.ResetAfter, "reset-after", def.ResetAfter, "")
	detach := flags.Bool("detach", false, "")
	halt := flags.Bool("halt", false, "")
	if err := flags.Parse(args); err != nil {
		return o, "", fmt.Errorf("supervise: %w", err)
	}
	if flags.NArg() > 0 {
		return o, "", fmt.Errorf("supervise: unexpected argument %q", flags.Arg(0))
	}
	o.UnitDirs = filepath.SplitList(*units)
	switch {
	case *detach && *halt:
		return o, "", errors.New("supervise: --detach and --halt exclude each other")
	case *detach:
		return o, verbDetach, nil
	case *halt:
		return o, verbHalt, nil
	}
	return o, "", nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
