package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/service/boot"
	"keelway.dev/keelway/internal/service/keep"
	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/process"
)

var errLeaving = errors.New("the supervisor is ending")

// daemon is a running supervisor.
type daemon struct {
	o     Options
	table *process.Table
	log   io.Writer
	init  boot.Init

	// going is held for reading by whoever starts a process; whoever ends the
	// supervisor takes it for writing and sets leaving.
	going   sync.RWMutex
	leaving bool

	mu       sync.Mutex
	ground   *keep.Ground
	services map[string]*keep.Service

	// over is closed when somebody asked the supervisor to end.
	over  chan struct{}
	ended bool // for good: nothing is left; written before over is closed
	once  sync.Once
}

// Supervise is the supervisor. It takes over what an earlier one left running,
// starts what is enabled, and answers on its socket until the context ends, it
// gets SIGTERM or SIGINT, or a client ends it. Ended by context or signal it
// leaves the services running for the next one; it may itself be killed at any
// moment with the same effect. It fails with ErrRunning when there is one.
func Supervise(ctx context.Context, o Options) error {
	o = o.WithDefaults()
	ready := inheritReady()
	d, listener, lock, err := open(o)
	if err != nil {
		ready.say(err)
		return err
	}
	defer lock.Close()
	defer d.table.Close()

	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	// The terminal that it was started from may go. Ignoring the signal would
	// be inherited by the services; catching it is not.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP, syscall.SIGPIPE)
	defer signal.Stop(hangup)

	d.logf("supervisor: process %d begins", os.Getpid())
	if err := d.resume(); err != nil {
		d.logf("supervisor: %v", err)
	}
	server := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ready.say(nil)

	rotate := time.NewTicker(time.Second)
	defer rotate.Stop()
	for {
		select {
		case <-rotate.C:
			d.rotate()
			continue
		case <-hangup:
			continue
		case err = <-served:
			err = fmt.Errorf("serve %s: %w", o.Socket(), err)
		case <-d.over:
		case <-ctx.Done():
		}
		break
	}
	d.leave()
	// Whoever asked for the end still gets the answer.
	grace, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	d.clean()
	d.logf("supervisor: process %d ends", os.Getpid())
	return err
}

// open takes the lock and makes all that a supervisor needs, in the order in
// which the next one may rely on it.
func open(o Options) (*daemon, net.Listener, *os.File, error) {
	syscall.Umask(0o022)
	lock, err := o.takeLock()
	if err != nil {
		return nil, nil, nil, err
	}
	fail := func(err error) (*daemon, net.Listener, *os.File, error) {
		lock.Close()
		return nil, nil, nil, fmt.Errorf("start the supervisor: %w", err)
	}
	for _, dir := range []string{o.LogDir, o.runServices()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fail(err)
		}
	}
	log, err := logfile.Open(o.Log("supervisor"))
	if err != nil {
		return fail(err)
	}
	// The lock says that nobody listens there.
	if err := os.Remove(o.Socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	old := syscall.Umask(0o177)
	listener, err := net.Listen("unix", o.Socket())
	syscall.Umask(old)
	if err != nil {
		return fail(err)
	}
	table, err := process.NewTable()
	if err != nil {
		listener.Close()
		return fail(err)
	}
	d := &daemon{
		o: o, table: table, log: log, init: boot.Detect(o.Root),
		services: map[string]*keep.Service{}, over: make(chan struct{}),
	}
	d.ground = &keep.Ground{
		Record: o.Record, Log: o.Log, Notify: o.notify,
		MaxDelay: o.MaxDelay, ResetAfter: o.ResetAfter, Spawn: d.spawn, Logf: d.logf,
	}
	return d, listener, lock, nil
}

// spawn starts a process unless the supervisor is about to end.
func (d *daemon) spawn(s process.Spec) (*process.Process, []string, error) {
	d.going.RLock()
	defer d.going.RUnlock()
	if d.leaving {
		return nil, nil, errLeaving
	}
	return d.table.Start(s)
}

// leave lets nothing more be started.
func (d *daemon) leave() {
	d.going.Lock()
	defer d.going.Unlock()
	d.leaving = true
}

// service returns the service of a name, which it makes known if it is not.
func (d *daemon) service(name string) *keep.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.services[name]
	if s == nil {
		s = keep.New(d.ground, name)
		d.services[name] = s
	}
	return s
}

func (d *daemon) all() []*keep.Service {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*keep.Service
	for _, s := range d.services {
		all = append(all, s)
	}
	return all
}

func (d *daemon) rotate() {
	names := []string{"supervisor"}
	for _, s := range d.all() {
		names = append(names, s.Name())
	}
	for _, name := range names {
		if _, err := logfile.Rotate(d.o.Log(name), d.o.LogSize, d.o.LogKeep); err != nil {
			d.logf("supervisor: %v", err)
		}
	}
}

// clean takes away what only a running supervisor has; the records of running
// services stay.
func (d *daemon) clean() {
	if d.ended {
		os.RemoveAll(d.o.runServices())
	} else {
		os.Remove(d.o.runServices()) // while services run it is not empty
	}
	// In this order, and all before it is unlocked: once the lock's file is
	// away, the next supervisor may have its socket there.
	os.Remove(d.o.Socket())
	os.Remove(d.o.lock())
	os.Remove(d.o.RunDir)
}

func (d *daemon) end() { d.once.Do(func() { close(d.over) }) }

// logf writes a line to supervisor.log.
func (d *daemon) logf(format string, args ...any) {
	line := time.Now().UTC().Format("2006-01-02T15:04:05.000Z ") + fmt.Sprintf(format, args...) + "\n"
	_, _ = io.WriteString(d.log, line)
}
