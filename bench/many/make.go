package many

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"keelway.dev/keelway/bench/watch"
	"keelway.dev/keelway/internal/lab"
)

// endpoint is the first control plane's name, which every host knows.
const (
	first    = "cp1"
	endpoint = first + ":6443"
)

// shared is a file of the folder that the hosts see.
func shared(name string) string { return lab.SharePath + "/" + name }

// here is a part of the work that this program does on a host. What its
// programs say is printed when it fails: it must not get between its answer.
func here(part string) string {
	const log = "/var/log/keelway-bench.log"
	return shared(benchFile) + " -here " + part + " 2>" + log + " || { cat " + log + "; exit 1; }"
}

// PrepareOurs brings images onto the hosts, and starts their runtime.
func (l *Lab) PrepareOurs(ctx context.Context) error {
	if err := l.onAll(ctx, shared(keelwayFile)+" up --until images --kubeconfig none --bundle "+shared(bundleFile)); err != nil {
		return err
	}
	// The bundle is opened here once, as it was on every host.
	_ = l.keelway(ctx, "plan", "-f", l.file(), "--bundle", l.Bundle) // it ends with 2: there is much to do
	return nil
}

// Ours is one command.
func (l *Lab) Ours(ctx context.Context) error {
	return l.keelway(ctx, "apply", "-f", l.file(), "--bundle", l.Bundle, "--yes", "--output", "json")
}

// PrepareTheirs is the same for kubeadm, with the programs that it needs, the
// runtime as its own guide says, and the network's configuration.
func (l *Lab) PrepareTheirs(ctx context.Context) error {
	if err := l.onAll(ctx, shared(keelwayFile)+" up --profile kubeadm --until images --kubeconfig none --bundle "+shared(bundleFile)); err != nil {
		return err
	}
	return l.onAll(ctx, here("place"))
}

// Theirs is what a person does by the guides, one host after the other: on each
// install what is missing, then kubeadm.
func (l *Lab) Theirs(ctx context.Context, install bool) error {
	var in invitation
	for _, h := range l.lab.Hosts {
		if install {
			if _, err := l.on(ctx, h.Name, here("install")); err != nil {
				return err
			}
		}
		if h.Name == first {
			out, err := l.on(ctx, h.Name, here("init"))
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(lastLine(out)), &in); err != nil {
				return fmt.Errorf("%s: %w: %s", h.Name, err, out)
			}
			continue
		}
		command := shared(kubeadmFile) + " join " + endpoint + " --ignore-preflight-errors all --token " + in.Token + " --discovery-token-ca-cert-hash " + in.Pin
		if h.Role == lab.ControlPlane {
			command += " --control-plane --certificate-key " + in.Key
		}
		if _, err := l.on(ctx, h.Name, command); err != nil {
			return err
		}
	}
	return nil
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// Watch looks at the cluster from the first control plane, until everything was
// seen; times count from start.
func (l *Lab) Watch(ctx context.Context, start time.Time) (watch.Timeline, error) {
	const file = "/run/keelway-bench.json"
	if _, err := l.on(ctx, first, here(fmt.Sprintf("watch -with %d >%s", start.UnixNano(), file))); err != nil {
		return nil, err
	}
	out, err := l.on(ctx, first, "cat "+file)
	if err != nil {
		return nil, err
	}
	var seen watch.Timeline
	if err := json.Unmarshal([]byte(lastLine(out)), &seen); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return seen, nil
}
