package subject

import (
	"context"
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/preflight/survey"
)

// Socket is the path of the runtime's socket in the model, with /var/run in
// the form in which the kernel knows it.
func (t Target) Socket() string {
	path := strings.TrimPrefix(t.Node().Init.NodeRegistration.CRISocket, "unix://")
	if path == "" {
		path = strings.TrimPrefix(config.DefaultCRISocket, "unix://")
	}
	if rest, ok := strings.CutPrefix(path, "/var/run/"); ok {
		return "/run/" + rest
	}
	return path
}

// OwnRuntime is true when Keelway installs the runtime, and false when the
// model names the socket of one that is already there.
func (t Target) OwnRuntime() bool {
	return t.Socket() == containerd.Socket && !t.Model.Theirs.Runtime
}

// Runtime is the process that serves the model's runtime socket.
type Runtime struct {
	survey.Process
	// Served is false when nobody listens. Known is false when somebody does
	// who cannot be seen.
	Served, Known bool
	// Ours is true for the containerd that Keelway installs.
	Ours bool
	// Executable is the file it runs.
	Executable string
}

// Runtime looks who serves the runtime's socket.
func (s *Subject) Runtime(ctx context.Context) (Runtime, error) {
	listeners, err := s.Listeners(ctx)
	if err != nil {
		return Runtime{}, err
	}
	for _, l := range listeners {
		if l.Protocol != "unix" || (l.Path != s.Socket() && l.Path != "/var"+s.Socket()) {
			continue
		}
		r := Runtime{Served: true}
		if r.Process, r.Known, err = s.Holder(ctx, l.Inode, "containerd"); err != nil || !r.Known {
			return r, err
		}
		if r.Executable = s.Executable(ctx, r.Process); r.Executable == "" {
			r.Executable = r.Argv[0]
		}
		r.Ours = s.OwnRuntime() && r.Executable == s.Binary("containerd", "/usr/local/bin/containerd")
		return r, nil
	}
	return Runtime{}, nil
}

// Config is the file that a containerd was told to read: the value of its flag
// --config or -c.
func (r Runtime) Config() string {
	for i, a := range r.Argv {
		for _, flag := range []string{"--config", "-config", "-c"} {
			if value, ok := strings.CutPrefix(a, flag+"="); ok {
				return value
			}
			if a == flag && i+1 < len(r.Argv) {
				return r.Argv[i+1]
			}
		}
	}
	return containerd.ConfigFile
}
