package fleet

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/report"
)

const (
	// nearPort is where a host serves the bundle to its zone.
	nearPort = 7442
	// nearDir holds what it serves, for as long as an apply takes.
	nearDir = "/var/lib/keelway/near"
	// nearTime is how long a host may take to unpack and check the bundle.
	nearTime = 3 * time.Minute
)

// near has one host of each zone serve the bundle to the zone's others, where
// two or more are to install something. The first such host is sent keelway and
// the bundle, and installs from itself. end stops them and removes the bundle.
func (f *Fleet) near(ctx context.Context, p plan.Fleet) (end func(), err error) {
	var mu sync.Mutex
	var ends []func()
	end = func() {
		var wg sync.WaitGroup
		for _, one := range ends {
			wg.Go(one)
		}
		wg.Wait()
	}
	if !f.File.Spec.BundleOncePerZone {
		return end, nil
	}
	if f.bundle.Archive == "" {
		return end, fmt.Errorf("bundleOncePerZone needs the bundle as the one file that is sent, and %s is a folder: name the .tar.zst, or take that line out of the cluster file", f.bundle.Folder)
	}
	zones := map[string][]*node{}
	installing := p.Installing()
	for _, n := range f.nodes {
		if n.lost == nil && installing[n.name()] {
			zones[n.Host.Zone] = append(zones[n.Host.Zone], n)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for zone, nodes := range zones {
		if len(nodes) < 2 {
			continue
		}
		g.Go(func() error {
			first := nodes[0]
			of := "of the zone " + zone
			if zone == "" {
				of = "without a zone"
			}
			f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Note, Host: first.name(), What: fmt.Sprintf("is sent the bundle for the %d hosts %s, which get it at %s", len(nodes), of, first.near())})
			stop, err := f.serve(ctx, first)
			if stop != nil {
				mu.Lock()
				ends = append(ends, stop)
				mu.Unlock()
			}
			if err != nil {
				return fmt.Errorf("%s cannot serve the bundle to the hosts %s: %w", first.name(), of, err)
			}
			for _, n := range nodes {
				n.kit = n.kit.Near(first.near())
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		end()
		return func() {}, err
	}
	return end, nil
}

// near is where the host serves the bundle, when it does.
func (n *node) near() string {
	return net.JoinHostPort(n.Init.LocalAPIEndpoint.AdvertiseAddress, strconv.Itoa(nearPort))
}

// serve sends a host what it serves and waits until it does. stop is nil when nothing was begun.
func (f *Fleet) serve(ctx context.Context, n *node) (stop func(), err error) {
	h := n.machine.Host
	program, archive := path.Join(nearDir, "keelway"), path.Join(nearDir, "bundle.tar.zst")
	clean := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := h.Remove(ctx, nearDir); err != nil {
			f.Events.Emit(report.Event{Time: f.Now(), Kind: report.Warning, Host: n.name(), What: fmt.Sprintf("%s stays there: %v", nearDir, err)})
		}
	}
	self, sum, err := n.kit.Program()
	if err != nil {
		return nil, err
	}
	if err := send(ctx, h, program, 0o755, self); err != nil {
		return clean, err
	}
	content, err := f.bundle.OpenArchive()
	if err != nil {
		return clean, err
	}
	if err := send(ctx, h, archive, 0o644, content); err != nil {
		return clean, err
	}
	in, hold := io.Pipe() // the server ends with its input
	var why error         // to be read when it has ended
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		res, err := h.Run(context.WithoutCancel(ctx), host.Command{
			Argv:  []string{program, "bundle", "serve", archive, "--listen", n.near(), "--id", f.bundle.ID, "--self", sum},
			Stdin: in,
		})
		if why = err; err == nil {
			why = fmt.Errorf("it ended with %d: %s", res.Code, strings.TrimSpace(string(res.Stderr)))
		}
	}()
	stop = func() {
		hold.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
		}
		clean()
	}
	limit := time.After(nearTime)
	for {
		err := serves(ctx, h, "http://"+n.near()+"/programs/"+sum)
		if err == nil {
			return stop, nil
		}
		select {
		case <-ended:
			return stop, why
		case <-ctx.Done():
			return stop, context.Cause(ctx)
		case <-limit:
			return stop, fmt.Errorf("it does not answer at %s after %s: %w", n.near(), nearTime, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// serves asks for what nobody but this server has: something else may listen there.
func serves(ctx context.Context, h host.Host, url string) error {
	ask, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	answer, err := client.Do(ask)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer was %s", answer.Status)
	}
	return nil
}

func send(ctx context.Context, h host.Host, to string, mode fs.FileMode, content io.ReadCloser) error {
	defer content.Close()
	return h.Put(ctx, host.Entry{Path: to, Mode: mode}, content)
}
