package peer

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"keelway.dev/keelway/internal/desired"
)

// putFile makes one folder, link or file.
func putFile(f desired.File, programs Programs) error {
	switch {
	case f.Mode.IsDir():
		if err := os.MkdirAll(f.Path, f.Mode.Perm()); err != nil {
			return err
		}
		if f.Shared {
			return nil
		}
		return os.Chmod(f.Path, f.Mode.Perm())
	case f.Mode&fs.ModeSymlink != 0:
		if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return os.Symlink(f.Link, f.Path)
	case f.Binary != "":
		path, err := programs(f.Binary)
		if err != nil {
			return err
		}
		return copyFile(path, f.Path, f.Mode.Perm())
	}
	return writeFile(f.Path, f.Mode.Perm(), f.Content)
}

func writeFile(path string, mode fs.FileMode, content []byte) error {
	return os.WriteFile(path, content, mode)
}

// copyFile replaces a file as `install` does: a program that runs may not be written to.
func copyFile(from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
