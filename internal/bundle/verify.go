package bundle

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"

	"keelway.dev/keelway/internal/bundle/archive"
)

// Verify reads every byte of the bundle at path, an archive or a folder, and
// returns its manifest. The error names the first file that is missing, altered,
// cut off, for another machine or outside the bundle, or the first thing that is
// wanted and absent. With a trusted key, an unsigned bundle and one that another
// key signed are refused; without, a signature only has to be sound.
func Verify(ctx context.Context, path string, want Want, trusted ed25519.PublicKey) (Manifest, error) {
	c, signature, err := verify(ctx, path, want)
	if err != nil {
		return Manifest{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	if err := checkSignature(c.raw, signature, trusted); err != nil {
		return Manifest{}, fmt.Errorf("bundle %s: %w", path, err)
	}
	return c.manifest, nil
}

func verify(ctx context.Context, path string, want Want) (*checker, []byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, nil, err
		}
		defer root.Close()
		c, err := checkFolder(ctx, root, want)
		if err != nil {
			return nil, nil, err
		}
		signature, err := readSignature(root)
		return c, signature, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	c, err := checkArchive(ctx, f, want, nil)
	if err != nil {
		return nil, nil, err
	}
	tail, err := archive.ReadTail(f, info.Size())
	return c, tail.Signature, err
}

// checkCopy checks a program that was copied out of its layer.
func checkCopy(ctx context.Context, b Binary, info fs.FileInfo, content io.Reader) error {
	if info.Mode().Perm() != 0o755 {
		return fmt.Errorf("%s: has mode %v, want 0755", b.Path, info.Mode())
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, content}); err != nil {
		return fmt.Errorf("%s: %w", b.Path, err)
	}
	return sameDigest(b.Path, sum, b.SHA256)
}
