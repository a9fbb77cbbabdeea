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

func verify(ctx context.Context, path string, want Want) (c *checker, signature []byte, err error) {
	err = either(path, func(root *os.Root) (err error) {
		if c, err = checkFolder(ctx, root, want); err != nil {
			return err
		}
		signature, err = readSignature(root)
		return err
	}, func(f *os.File) (err error) {
		if c, err = checkArchive(ctx, f, want, nil); err != nil {
			return err
		}
		tail, err := archive.ReadTail(f)
		signature = tail.Signature
		return err
	})
	return c, signature, err
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
