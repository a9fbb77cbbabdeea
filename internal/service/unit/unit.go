// Package unit reads systemd service units, as far as the built-in supervisor obeys them.
package unit

import (
	"io/fs"
	"time"
)

// Unit is a service as its unit file and drop-ins describe it. Where a
// directive is not set it holds systemd's default.
type Unit struct {
	// Name is the unit's, without ".service".
	Name        string
	Description string
	// Sources are the files read, the unit file first.
	Sources []string

	// After, Requires and Wants name services only, without ".service";
	// targets and the like say nothing to a supervisor of services.
	After, Requires, Wants []string
	// WantedBy is [Install]'s list, as written.
	WantedBy []string

	// Type is simple, exec, notify or oneshot.
	Type            string
	RemainAfterExit bool
	StartPre        []Exec
	Start           []Exec

	Environment []string
	EnvFiles    []EnvFile

	Restart      Restart
	RestartDelay time.Duration
	// StartLimitBurst starts within StartLimitInterval are allowed; 0 is no
	// limit, which is also what an unset directive means here: unlike systemd
	// the supervisor waits longer and longer between restarts.
	StartLimitInterval time.Duration
	StartLimitBurst    int

	// KillMode is control-group, mixed or process.
	KillMode string
	// KillSignal is a number; SIGTERM when unset.
	KillSignal int
	// SendKill says whether SIGKILL follows when StopTimeout is over.
	SendKill bool
	// StartTimeout and StopTimeout are 0 for "no bound".
	StartTimeout, StopTimeout time.Duration

	Limits []Limit
	// OOMScoreAdjust is nil when it is not set.
	OOMScoreAdjust   *int
	User, Group      string
	WorkingDirectory string
	Umask            fs.FileMode

	// Ignored lists the directives that have no effect, as "Section.Name=",
	// sorted, each once.
	Ignored []string
}

// Exec is one command of a unit.
type Exec struct {
	// Path is the program; without a slash it is looked for in systemd's own path.
	Path string
	// Argv are its words with Path (or, after "@", another name) first, before
	// the environment is put in.
	Argv []string
	// MayFail is the prefix "-": a failure counts as success.
	MayFail bool
	// Verbatim is the prefix ":": no environment is put in.
	Verbatim bool
}

// EnvFile is a file of variables; an optional one may be missing.
type EnvFile struct {
	// Path may be a pattern.
	Path     string
	Optional bool
}

// Restart says when an ended service is started again.
type Restart string

// The values of Restart=.
const (
	RestartNo         Restart = "no"
	RestartAlways     Restart = "always"
	RestartOnSuccess  Restart = "on-success"
	RestartOnFailure  Restart = "on-failure"
	RestartOnAbnormal Restart = "on-abnormal"
	RestartOnAbort    Restart = "on-abort"
)

// Limit is a resource limit such as LimitNOFILE.
type Limit struct {
	// Resource is the name after "Limit", such as "NOFILE".
	Resource string
	// Soft and Hard are math.MaxUint64 for infinity.
	Soft, Hard uint64
}
