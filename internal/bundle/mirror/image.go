package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"keelway.dev/keelway/internal/bundle/assemble"
)

// pull reads an image from its registry, or from another one in its place, and
// writes its layers below dir, compressed as the bundle's own are.
func pull(ctx context.Context, o Options, reference, dir string) (v1.Image, error) {
	where := reference
	if o.Registry != "" {
		_, repository, _ := strings.Cut(reference, "/")
		where = strings.TrimSuffix(o.Registry, "/") + "/" + repository
	}
	parsed, err := name.ParseReference(where)
	if err != nil {
		return nil, err
	}
	image, err := remote.Image(parsed, remote.WithContext(ctx), remote.WithTransport(o.transport()),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	again, err := recompress(image, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return again, nil
}

// recompress writes an image's layers below dir with zstd in place of gzip. The
// config stays as it is, byte for byte, so that the image's ID is still upstream's.
func recompress(image v1.Image, dir string) (v1.Image, error) {
	config, err := image.RawConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	var own []assemble.Layer
	for _, layer := range layers {
		diff, err := layer.DiffID()
		if err != nil {
			return nil, err
		}
		if err := writeLayer(layer, filepath.Join(dir, diff.Hex), diff.Hex); err != nil {
			return nil, err
		}
		compressed, err := assemble.Compress(dir, assemble.Layer{Digest: diff.Hex, DiffID: diff.Hex})
		if err != nil {
			return nil, err
		}
		own = append(own, compressed)
	}
	return assemble.ImageOf(config, dir, own)
}

func writeLayer(layer v1.Layer, file, want string) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	digest, _, err := assemble.HashFile(file)
	if err == nil && digest != want {
		err = fmt.Errorf("layer has sha256 %s, the image's config says %s: do not use it", digest, want)
	}
	return err
}
