// Package logfile keeps the log files that services write into themselves.
//
// A service holds its log open and appends to it, so that it can go on writing
// while no supervisor runs. Rotation therefore never takes the file away: it
// copies the old part out and cuts it off the front of the file in one step
// where the file system can do that (ext4, xfs), and otherwise copies all and
// empties the file, where a line written in between may be lost.
package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Mode is a log's: services write addresses and names there, not secrets, but
// not everybody needs to read them.
const Mode = 0o640

// Open opens a log for appending, making it when it is missing.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, Mode)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Rotate moves what path holds to path.1 (path.1 to path.2, and so on, keep
// old files in all) once it is larger than size bytes, and tells whether it did.
func Rotate(path string, size int64, keep int) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("rotate %s: %w", path, err)
	}
	if info.Size() <= size {
		return false, nil
	}
	if err := rotate(path, keep); err != nil {
		return false, fmt.Errorf("rotate %s: %w", path, err)
	}
	return true, nil
}

func rotate(path string, keep int) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	cut, err := whole(f)
	if err != nil {
		return err
	}
	if keep < 1 {
		return drop(f, cut)
	}
	next := path + ".new"
	copied, err := copyFront(f, next, cut)
	if err != nil {
		os.Remove(next)
		return err
	}
	if err := shift(path, keep); err != nil {
		return err
	}
	if err := os.Rename(next, old(path, 1)); err != nil {
		return err
	}
	return drop(f, copied)
}

// shift makes room for path.1.
func shift(path string, keep int) error {
	for i := keep; i >= 1; i-- {
		var err error
		if i == keep {
			err = os.Remove(old(path, i))
		} else {
			err = os.Rename(old(path, i), old(path, i+1))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// whole returns the part of the file that is made of whole blocks: only those
// can be cut off the front.
func whole(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return 0, err
	}
	block := max(s.Bsize, 1)
	// Collapsing must leave something behind the cut.
	return (info.Size() - 1) / block * block, nil
}

// copyFront copies the first n bytes, which do not change any more.
func copyFront(f *os.File, to string, n int64) (int64, error) {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, Mode)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	copied, err := io.CopyN(out, f, n)
	if err != nil {
		return 0, err
	}
	return copied, out.Close()
}

// drop cuts n bytes off the front. Writers that append are not disturbed.
func drop(f *os.File, n int64) error {
	if n > 0 {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, 0, n)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
			return err
		}
	}
	return empty(f, n)
}

// empty is for file systems that cannot cut: the rest goes to path.1 too, then
// the file is emptied.
func empty(f *os.File, from int64) error {
	out, err := os.OpenFile(old(f.Name(), 1), os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Truncate(0) // nothing is kept
	}
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(out, f); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	return out.Close()
}

// Remove deletes a log and its old files.
func Remove(path string, keep int) error {
	var all []error
	for i := 0; i <= keep; i++ {
		if err := os.Remove(old(path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// old is the path of the i-th old file; 0 is the log itself.
func old(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}
