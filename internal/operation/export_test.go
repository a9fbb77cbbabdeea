package operation

import (
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
)

// TestKitNeedsAWholeBundle: what a bundle lacks is said before a host is touched,
// for every program and every image.
func TestKitNeedsAWholeBundle(t *testing.T) {
	model, err := cluster.New(cluster.Options{
		Profile: cluster.Hardened, Now: time.Unix(0, 0),
		Facts: cluster.Facts{Hostname: "node-1", Addresses: []string{"192.0.2.10"}, CgroupVersion: 2, NFTables: true, Systemd: true, OOMScoreAdjustable: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	self, err := filepath.Abs("export_test.go")
	if err != nil {
		t.Fatal(err)
	}
	kit := func(without string) error {
		m := bundle.Manifest{Kubernetes: model.Release.Kubernetes, OS: runtime.GOOS, Arch: runtime.GOARCH}
		for _, i := range desired.Images(model) {
			if i != without {
				m.Images = append(m.Images, bundle.Image{Reference: i})
			}
		}
		for _, b := range desired.Binaries(model) {
			if b != desired.Self && b != without {
				m.Binaries = append(m.Binaries, bundle.Binary{Name: b})
			}
		}
		_, err := NewKit(&bundle.Bundle{Manifest: m}, self, model)
		return err
	}
	if err := kit(""); err != nil {
		t.Errorf("a whole bundle is refused: %v", err)
	}
	for _, lacks := range append(desired.Images(model), desired.Binaries(model)...) {
		if lacks == desired.Self {
			continue
		}
		var wish *WishError
		if err := kit(lacks); !errors.As(err, &wish) || !strings.Contains(err.Error(), "nothing was changed") || !strings.Contains(err.Error(), lacks+": is not in the bundle") {
			t.Errorf("without %s: %v", lacks, err)
		}
	}
}
