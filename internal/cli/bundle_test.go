package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/bundle/build"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/release"
	"keelway.dev/keelway/internal/report"
)

// A bundle is made from the recipe and verified against what is desired: the
// two must name the same things for every version and profile.
func TestRecipeHasAllThatIsDesired(t *testing.T) {
	recipe, err := build.ReadRecipe("../../components")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range release.All() {
		var images []string
		for _, i := range recipe.Images {
			images = append(images, r.Image(i.Name))
		}
		for _, profile := range []cluster.Profile{cluster.Hardened, cluster.Kubeadm} {
			want, err := wantedBy(r.Kubernetes, profile)
			if err != nil {
				t.Fatal(err)
			}
			if len(want.Images) == 0 || len(want.Binaries) == 0 {
				t.Errorf("%s, %s: nothing is wanted", r.Kubernetes, profile)
			}
			for _, image := range want.Images {
				if !slices.Contains(images, image) {
					t.Errorf("%s, %s: the recipe does not make image %s", r.Kubernetes, profile, image)
				}
			}
			for _, name := range want.Binaries {
				if !slices.Contains(recipe.Binaries, name) {
					t.Errorf("%s, %s: the recipe has no binary %s", r.Kubernetes, profile, name)
				}
			}
		}
	}
}

type eventList []report.Event

func (l *eventList) Emit(e report.Event) { *l = append(*l, e) }

func (l *eventList) kinds() string {
	var kinds []string
	for _, e := range *l {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, " ")
}

func TestBundleEvents(t *testing.T) {
	var events eventList
	run := newBundleRun(&events, release.Default())
	run.progress(build.Progress{Name: "etcd", What: "compile etcd", Finished: true, Cached: true})
	run.progress(build.Progress{Name: "kube", What: "compile kube"})
	run.progress(build.Progress{Name: "kube", What: "compile kube", Detail: "k8s.io/api/core/v1", Part: 0.5, Fraction: 0.25})
	run.progress(build.Progress{Name: "kube", What: "compile kube", Detail: "at once after that", Part: 0.6, Fraction: 0.3})
	run.progress(build.Progress{Name: "kube", What: "compile kube", Finished: true})
	if err := run.end(build.Result{Output: "b.tar.zst", Size: 92_155_647}, nil); err != nil {
		t.Error(err)
	}
	if got, want := events.kinds(), "start step wait done done"; got != want {
		t.Errorf("events are %q, want %q", got, want)
	}
	if got := events[2].Detail; !strings.HasPrefix(got, "25 % of the build, about ") || !strings.HasSuffix(got, ": k8s.io/api/core/v1") {
		t.Errorf("the wait says %q", got)
	}
	if got := events[4].What; got != "b.tar.zst, 92.2 MB" {
		t.Errorf("the end says %q", got)
	}
	var silent silentError
	if err := run.end(build.Result{}, errors.New("no compiler")); !errors.As(err, &silent) {
		t.Errorf("a failure is reported twice: %v", err)
	}
	if last := events[len(events)-1]; last.Kind != report.Failed || last.Detail != "no compiler" {
		t.Errorf("the failure is %+v", last)
	}
}

func TestFindComponents(t *testing.T) {
	if _, err := findComponents("../../components", ""); err != nil {
		t.Error(err)
	}
	if _, err := findComponents("", "../../bin/keelway"); err != nil {
		t.Error(err)
	}
	if _, err := findComponents(t.TempDir(), ""); err == nil || !strings.Contains(err.Error(), "--components") {
		t.Errorf("error is %v", err)
	}
}
