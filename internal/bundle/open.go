// Package bundle opens, verifies and signs the offline bundle that a cluster is made from.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"keelway.dev/keelway/internal/bundle/archive"
)

// Bundle is an opened bundle: a folder of plain files.
type Bundle struct {
	Manifest Manifest
	// ID is the manifest's sha256 in hexadecimal, which names the whole content.
	ID string
	// Folder holds the files that the manifest lists.
	Folder string
	// Archive is the file that it was opened from, "" when that was a folder.
	Archive string
	// programs is the folder with bin/, which is another one when Folder has
	// not got the programs that are kept in layers.
	programs string
}

// Open opens the bundle at path. A folder is used where it lies; an archive is
// unpacked below cache into a folder named by its content, once, and checked in
// full while it is unpacked. A later Open of the same archive reads its manifest
// only; Verify reads everything again.
func Open(ctx context.Context, path, cache string) (*Bundle, error) {
	b, err := open(ctx, path, cache)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", path, err)
	}
	return b, nil
}

func open(ctx context.Context, path, cache string) (*Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		b, err := openFolder(path)
		if err != nil {
			return nil, err
		}
		return b, b.materialise(ctx, cache)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := firstEntry(f)
	if err != nil {
		return nil, err
	}
	m, err := DecodeManifest(raw)
	if err != nil {
		return nil, err
	}
	target := filepath.Join(cache, identity(raw))
	if b, err := openFolder(target); err == nil && b.hasPrograms(target) {
		b.programs, b.Archive = target, path
		return b, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(cache)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have unpacked it while this one waited.
	if b, err := openFolder(target); err != nil || !b.hasPrograms(target) {
		if err := unpack(ctx, f, cache, target); err != nil {
			return nil, err
		}
	}
	return &Bundle{Manifest: m, ID: identity(raw), Folder: target, Archive: path, programs: target}, nil
}

// OpenArchive opens the file that the bundle was opened from.
func (b *Bundle) OpenArchive() (io.ReadCloser, error) { return os.Open(b.Archive) }

func identity(manifest []byte) string {
	return string(DigestLine(manifest)[:64])
}

// firstEntry reads an archive's manifest. The window of 128 MB that reading takes
// is given back at once: what comes after, such as a look at hundreds of machines,
// would otherwise fill twice as much before anything is collected.
func firstEntry(f *os.File) ([]byte, error) {
	defer runtime.GC()
	var raw []byte
	err := archive.Walk(context.Background(), f, func(e archive.Entry) error {
		var err error
		if raw, err = readFirst(e); err != nil {
			return err
		}
		return archive.ErrStop
	})
	return raw, err
}

// openFolder trusts a folder whose files have the sizes that the manifest says:
// a folder appears under its name by one rename after every check, and a power
// cut after that rename leaves files that are too short.
func openFolder(path string) (*Bundle, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	raw, err := readManifest(root)
	if err != nil {
		return nil, err
	}
	m, err := DecodeManifest(raw)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		info, err := root.Lstat(f.Path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() != f.Size {
			return nil, fmt.Errorf("%s: is %v with %d bytes, %s says a file with %d: build, download or unpack the bundle again", f.Path, info.Mode(), info.Size(), ManifestName, f.Size)
		}
	}
	return &Bundle{Manifest: m, ID: identity(raw), Folder: path}, nil
}

// unpack checks the archive while writing it beside target, and moves it there
// when all of it was right.
func unpack(ctx context.Context, f *os.File, cache, target string) (err error) {
	if err := clean(cache, target); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(cache, temporary)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot unpack it to %s: %w", cache, err), os.RemoveAll(temp))
		}
	}()
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(temp)
	if err != nil {
		return err
	}
	defer root.Close()
	c, err := checkArchive(ctx, f, Want{}, folder{root})
	if err != nil {
		return err
	}
	tail, err := archive.ReadTail(f)
	if err != nil {
		return err
	}
	if err := checkSignature(c.raw, tail.Signature, nil); err != nil {
		return err
	}
	if len(tail.Signature) > 0 {
		if err := writeNew(filepath.Join(temp, SignatureName), 0o644, tail.Signature); err != nil {
			return err
		}
	}
	return os.Rename(temp, target)
}

const temporary = ".unpack-"

// clean removes what a killed run left behind. Only the holder of the lock may.
func clean(cache, target string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			if err := os.RemoveAll(filepath.Join(cache, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(target)
}

// lock waits until no other process unpacks into cache.
func lock(cache string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(cache, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: f.Name(), Err: err}, f.Close())
	}
	return func() { f.Close() }, nil
}
