// Package service runs long-lived programs under whatever init system is in charge of a host.
package service

import (
	"context"
	"time"
)

// Manager starts, stops and describes services by the name of their unit
// file, without ".service". Unit files are systemd's, under every manager.
type Manager interface {
	// Kind says who is in charge: "systemd" or "supervisor".
	Kind() string
	// Status describes a service; one that is not known is the zero Status.
	Status(ctx context.Context, name string) (Status, error)
	// Start reads the unit files anew, enables the service at boot where an
	// init system can do that, and starts it. Starting a running service
	// changes nothing.
	Start(ctx context.Context, name string) error
	// Restart is Stop and Start in one; it works on a stopped service too.
	Restart(ctx context.Context, name string) error
	// Stop ends the service and keeps it from starting at boot. Children that
	// its unit says to leave (KillMode=process) live on.
	Stop(ctx context.Context, name string) error
	// Logs returns the last lines, oldest first.
	Logs(ctx context.Context, name string, lines int) ([]string, error)
}

// Lister is a Manager that describes several services in one call.
type Lister interface {
	Statuses(ctx context.Context, names []string) (map[string]Status, error)
}

// Status is what a manager knows of a service.
type Status struct {
	// Running is true while the main process lives.
	Running bool
	// State is in systemd's words: active, activating, inactive, failed.
	State string
	PID   int
	// Since is when the main process was started; zero when it is not running.
	Since time.Time
	// Restarts counts automatic restarts.
	Restarts int
	// Exit says how the last process ended, such as "exit status 1".
	Exit string
	// Boot says whether it will start again after a reboot, and through what.
	Boot string
	// Notes say what of the unit is not applied here, and why, and whether its
	// manager itself is in trouble.
	Notes []string
}

// Ender is a Manager that must itself be ended when no service is left: the
// built-in supervisor. systemd is none.
type Ender interface {
	// End ends the manager and removes what it made, and with logs set the logs
	// of its services too. It fails while a service runs or is enabled, and does
	// nothing when the manager does not run and has left nothing.
	End(ctx context.Context, logs bool) error
}
