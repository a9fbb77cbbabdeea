// Package host is the only way to touch a machine: its files, commands and sockets.
package host

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"time"
)

// Host is one machine. Every path is absolute. A missing path is reported with
// an error that matches fs.ErrNotExist.
type Host interface {
	// Name is what people call the machine; it stands in messages.
	Name() string
	// Stat describes path itself and does not follow a symbolic link.
	Stat(ctx context.Context, path string) (Entry, error)
	// List describes what a directory holds, sorted by name.
	List(ctx context.Context, dir string) ([]Entry, error)
	// Open reads a regular file, following links.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	// Put makes the entry what it says, in one atomic step: a reader sees the
	// old state or the new one, whole. Missing parents are made with mode 0755.
	// Content is read for regular files only.
	Put(ctx context.Context, e Entry, content io.Reader) error
	// Remove deletes path and what is below it, never crossing into another
	// mounted file system. A missing path is no error.
	Remove(ctx context.Context, path string) error
	// Run runs one command to its end.
	Run(ctx context.Context, c Command) (Result, error)
	// Dial opens a connection from the host: "tcp" or "unix".
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Linker is a Host that can give a regular file a second name in the same file
// system, in one atomic step. The error matches ErrOtherFileSystem when the two
// names cannot share one.
type Linker interface {
	HardLink(ctx context.Context, from, to string) error
}

// Copier is a Host that copies a regular file where it is, so that its bytes need
// not travel. It makes the entry as Put does.
type Copier interface {
	Copy(ctx context.Context, from string, e Entry) error
}

// ErrOtherFileSystem means that a hard link is impossible between two paths.
var ErrOtherFileSystem = errors.New("not on the same file system")

// Entry is one file, directory or symbolic link.
type Entry struct {
	Path string
	// Mode holds the permission bits and at most one of fs.ModeDir and
	// fs.ModeSymlink; Put refuses other types.
	Mode fs.FileMode
	UID  int
	GID  int
	Size int64
	// ModTime is set by Stat and List; Put ignores it.
	ModTime time.Time
	// Link is a symbolic link's target.
	Link string
	// Inode tells two entries apart (or alike) on one file system; 0 is unknown.
	Inode uint64
}

// Command is a program and its arguments; there is no shell between.
type Command struct {
	Argv []string
	// Env is added to the host's own environment; it must hold no secret.
	Env   []string
	Stdin io.Reader
}

// Result is what a command left behind. A non-zero exit code is no Go error:
// the caller knows which codes mean what.
type Result struct {
	Stdout []byte
	Stderr []byte
	Code   int
}
