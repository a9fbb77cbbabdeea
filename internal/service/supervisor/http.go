package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"

	"keelway.dev/keelway/internal/service/keep"
	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/unit"
)

func (d *daemon) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request, name string) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			name := r.PathValue("name")
			var answer any
			var err error
			if name != "" {
				err = unit.CheckName(name)
			}
			if err == nil {
				answer, err = f(r, name)
			}
			reply(w, answer, err)
		})
	}
	handle("GET "+Protocol, func(*http.Request, string) (any, error) { return d.about(), nil })
	handle("GET "+Protocol+"/service/{name}", func(_ *http.Request, name string) (any, error) { return d.status(name), nil })
	handle("POST "+Protocol+"/service/{name}/start", func(r *http.Request, name string) (any, error) {
		return nil, d.run(r.Context(), name, (*keep.Service).Start)
	})
	handle("POST "+Protocol+"/service/{name}/restart", func(r *http.Request, name string) (any, error) {
		return nil, d.run(r.Context(), name, (*keep.Service).Restart)
	})
	handle("POST "+Protocol+"/service/{name}/stop", func(r *http.Request, name string) (any, error) {
		return nil, d.service(name).Stop(r.Context(), func() error { return d.o.disable(name) })
	})
	handle("GET "+Protocol+"/service/{name}/logs", func(r *http.Request, name string) (any, error) {
		n, err := strconv.Atoi(r.URL.Query().Get("lines"))
		if err != nil {
			return nil, err
		}
		return logfile.Tail(d.o.Log(name), d.o.LogKeep, n)
	})
	handle("POST "+Protocol+"/end", func(r *http.Request, _ string) (any, error) {
		return d.about(), d.finish(r.Context(), r.URL.Query().Get("logs") == "remove")
	})
	handle("POST "+Protocol+"/halt", func(r *http.Request, _ string) (any, error) {
		return nil, d.haltAll(r.Context())
	})
	return mux
}

func reply(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case err == nil:
	case errors.Is(err, errLeaving):
		w.WriteHeader(http.StatusServiceUnavailable)
	case errors.Is(err, fs.ErrNotExist):
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusConflict)
	}
	if err != nil {
		answer = Failure{Error: err.Error()}
	}
	// An error here means that the client has gone.
	_ = json.NewEncoder(w).Encode(answer)
}

// run reads the unit anew and starts or restarts its service.
func (d *daemon) run(ctx context.Context, name string, how func(*keep.Service, context.Context, unit.Unit, func() error) error) error {
	u, err := unit.Load(d.o.UnitDirs, name)
	if err != nil {
		return err
	}
	d.going.RLock()
	leaving := d.leaving
	d.going.RUnlock()
	if leaving {
		return errLeaving
	}
	if err := d.pull(ctx, u); err != nil {
		return err
	}
	// The link comes first: should all of us be killed between the two, the
	// next supervisor does what was asked for.
	if err := how(d.service(name), ctx, u, func() error { return d.o.enable(u) }); err != nil {
		return err
	}
	if err := d.init.Install(context.WithoutCancel(ctx), d.command, d.o.Argv(verbDetach), d.o.Argv(verbHalt)); err != nil {
		// The service runs; status will say that it does not come back.
		d.logf("supervisor: %v", err)
	}
	return nil
}

func (d *daemon) about() About {
	a := About{PID: os.Getpid()}
	for _, s := range d.all() {
		if s.Wanted() {
			a.Services = append(a.Services, s.Name())
		}
	}
	slices.Sort(a.Services)
	return a
}

func (d *daemon) status(name string) Status {
	d.mu.Lock()
	s := d.services[name]
	d.mu.Unlock()
	enabled := d.o.isEnabled(name)
	var st Status
	if s != nil {
		k := s.Status()
		st = Status{
			Known: true, Running: k.Running, State: k.State, PID: k.PID, Since: k.Since,
			Restarts: k.Restarts, Exit: k.Exit, Notes: k.Notes,
		}
	}
	if s == nil || st.State == keep.Inactive || st.State == keep.Failed {
		// Only its unit file says whether it is one at all.
		_, err := unit.Load(d.o.UnitDirs, name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !enabled:
			return Status{}
		case s == nil:
			st = Status{Known: true, State: keep.Inactive}
		}
		if err != nil && st.Exit == "" {
			st.Exit = err.Error()
		}
	}
	st.Boot = "not after a reboot: it is not enabled"
	if enabled {
		st.Boot = d.init.String()
	}
	return st
}
