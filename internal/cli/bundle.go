package cli

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/build"
	"keelway.dev/keelway/internal/bundle/mirror"
	"keelway.dev/keelway/internal/release"
	"keelway.dev/keelway/internal/report"
)

func newBundle(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Build, inspect, verify and sign offline bundles",
		Long: `A bundle is one file with everything that a cluster needs: programs, images,
checksums, a list of what they were made of. Nothing is downloaded later.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBundleBuild(s), newBundleInspect(s), newBundleVerify(s), newBundleSign(s), newBundleKey(s), newBundleLock(s), newBundleServe(s))
	return c
}

func newBundleBuild(s streams) *cobra.Command {
	var o build.Options
	var mirrorURL, registry, events, sign string
	c := &cobra.Command{
		Use:   "build",
		Short: "Compile the components and put them into one file",
		Long: `Compile the components from their Go modules, whose go.sum files lock every
source, and put them into one file. The same inputs give the same bytes, and
nothing is done when they have not changed. With --from-mirror the programs and
images are upstream's own, checked against upstream's checksums.`,
		Example: `  keelway bundle build
  keelway bundle build --kubernetes-version v1.36 --sign-key key
  keelway bundle build --from-mirror https://mirror.example --registry registry.example`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := releaseFor(o.Kubernetes)
			if err != nil {
				return usageError{err}
			}
			if o.Output == "" {
				o.Output = filepath.Join("dist", build.Name(r)+".tar.zst")
			}
			if o.Cache == "" {
				o.Cache = filepath.Join(filepath.Dir(o.Output), "cache")
			}
			if o.Source, err = findComponents(o.Source, s.self); err != nil {
				return usageError{err}
			}
			key, err := signingKey(sign)
			if err != nil {
				return usageError{err}
			}
			sink, end, err := report.Choose(s.out, events, report.Options{NoColor: noColor(c)})
			if err != nil {
				return usageError{err}
			}
			defer end()
			run := newBundleRun(sink, r)
			o.Kubernetes, o.Progress = r.Kubernetes, run.progress
			var result build.Result
			if mirrorURL != "" {
				result, err = mirror.Run(c.Context(), mirror.Options{Options: o, URL: mirrorURL, Registry: registry})
			} else {
				result, err = build.Run(c.Context(), o)
			}
			if err == nil && key != nil {
				err = bundle.Sign(result.Output, key)
			}
			return run.end(result, err)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Kubernetes, "kubernetes-version", "", "the Kubernetes version, such as v1.37.0 (default: the newest release)")
	f.StringVarP(&o.Output, "output", "o", "", "the file to write (default dist/keelway-bundle-<version>-linux-<arch>.tar.zst)")
	f.StringVar(&o.Folder, "folder", "", "leave the bundle there as a folder, too")
	f.StringVar(&o.Source, "components", "", "the folder with the recipe and the Go modules (default: components, here or beside keelway)")
	f.StringVar(&o.Cache, "cache", "", "the folder for compiled programs (default: cache beside the file)")
	f.BoolVar(&o.Force, "force", false, "build even if nothing has changed")
	f.StringVar(&mirrorURL, "from-mirror", "", "take upstream's release files below this URL, each at <host>/<path> (\"upstream\": from their own hosts)")
	f.StringVar(&registry, "registry", "", "with --from-mirror: the registry with upstream's images (default: their own)")
	f.StringVar(&sign, "sign-key", "", "sign the bundle with this key")
	f.StringVar(&events, "events", "text", "text for people, json for one JSON event a line")
	return c
}

// findComponents returns the folder with the recipe.
func findComponents(named, self string) (string, error) {
	places := []string{"components", filepath.Join(filepath.Dir(self), "..", "components")}
	if named != "" {
		places = []string{named}
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, build.RecipeName)); err == nil {
			return filepath.Abs(p)
		}
	}
	return "", fmt.Errorf("no %s in %q: bundles are built in a clone of Keelway's repository; name its components folder with --components", build.RecipeName, places)
}

func releaseFor(kubernetes string) (release.Release, error) {
	if kubernetes == "" {
		return release.Default(), nil
	}
	return release.For(kubernetes)
}

func signingKey(path string) (ed25519.PrivateKey, error) {
	if path == "" {
		return nil, nil
	}
	return bundle.ReadPrivateKey(path)
}

// bundleRun shows a build as the events of an operation.
type bundleRun struct {
	events  report.Sink
	release release.Release
	began   time.Time
	stage   report.Event
	last    time.Time
}

func newBundleRun(events report.Sink, r release.Release) *bundleRun {
	run := &bundleRun{events: events, release: r, began: time.Now()}
	events.Emit(report.Event{Kind: report.Start, Time: run.began, What: "build the bundle for Kubernetes " + r.Kubernetes})
	return run
}

// progress turns one report of a build into an event: a step when a stage
// begins, a wait while it runs, done at its end.
func (b *bundleRun) progress(p build.Progress) {
	now := time.Now()
	e := report.Event{Kind: report.Step, Time: now, Phase: "bundle", Step: "bundle/" + p.Name, What: p.What}
	switch {
	case p.Finished && p.Cached:
		return
	case p.Finished:
		e.Kind, e.Seconds = report.Done, now.Sub(b.stage.Time).Seconds()
	case p.Detail == "" && p.Part == 0:
		b.stage = e
	case now.Sub(b.last) < 200*time.Millisecond:
		return
	default:
		b.last = now
		e.Kind, e.Seconds = report.Wait, now.Sub(b.stage.Time).Seconds()
		e.Detail = fmt.Sprintf("%.0f %% of the build, about %s left", p.Fraction*100, report.Duration(p.Remaining))
		if p.Detail != "" {
			e.Detail += ": " + p.Detail
		}
	}
	b.events.Emit(e)
}

func (b *bundleRun) end(r build.Result, err error) error {
	e := report.Event{Kind: report.Done, Time: time.Now(), Seconds: time.Since(b.began).Seconds()}
	switch {
	case err != nil:
		e.Kind, e.What, e.Detail = report.Failed, "the bundle was not built", err.Error()
		b.events.Emit(e)
		return silentError{err}
	case r.Skipped:
		e.What = fmt.Sprintf("nothing to do: %s (%s) is made from the same inputs", r.Output, fileSize(r.Size))
	default:
		e.What = fmt.Sprintf("%s, %s", r.Output, fileSize(r.Size))
	}
	b.events.Emit(e)
	return nil
}

func fileSize(n int64) string {
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
