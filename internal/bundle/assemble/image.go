package assemble

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec describes an image that is made from layers.
type Spec struct {
	OS, Arch   string
	Entrypoint []string
	// User is "uid:gid"; empty is root.
	User string
	// Title and Version become the image's labels.
	Title, Version string
}

// searchPath is where images look for programs, so that a manifest may name
// kube-apiserver without its folder, as kubeadm's do.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"

// NewImage makes an image of layers that lie below dir.
func NewImage(dir string, layers []Layer, spec Spec) (v1.Image, error) {
	config := &v1.ConfigFile{
		OS: spec.OS, Architecture: spec.Arch,
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Entrypoint: spec.Entrypoint, User: spec.User, WorkingDir: "/",
			Env: []string{"PATH=" + searchPath},
			Labels: map[string]string{
				"org.opencontainers.image.title":   spec.Title,
				"org.opencontainers.image.version": spec.Version,
			},
		},
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, config)
	if err != nil {
		return nil, err
	}
	return AppendLayers(image, dir, layers)
}

// AppendLayers puts layers that lie below dir on top of an image.
func AppendLayers(image v1.Image, dir string, layers []Layer) (v1.Image, error) {
	for _, l := range layers {
		layer, err := newFileLayer(dir, l)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
		}
		if image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: l.Type()}); err != nil {
			return nil, err
		}
	}
	return image, nil
}
