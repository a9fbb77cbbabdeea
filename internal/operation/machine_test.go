package operation

import (
	"io"
	"strings"
	"testing"
)

// TestImagesWithoutBundle: images that were there when the machine was looked
// at, and are missing when it comes to the step.
func TestImagesWithoutBundle(t *testing.T) {
	err := programs{}.WriteImages(io.Discard, map[string]string{"registry.k8s.io/pause:3.10.2": "registry.k8s.io/pause:3.10.2"}, nil)
	if err == nil || !strings.Contains(err.Error(), "pause:3.10.2 was in the container runtime's store") {
		t.Errorf("%v", err)
	}
}
