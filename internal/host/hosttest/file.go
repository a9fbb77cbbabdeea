package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/host"
)

type node struct {
	mode     fs.FileMode
	uid, gid int
	content  []byte
	link     string
	modTime  time.Time
	inode    uint64
	children map[string]*node
}

// newNode needs h.mu, but in New.
func (h *Host) newNode(mode fs.FileMode) *node {
	h.inodes++
	h.clock = h.clock.Add(time.Second)
	n := &node{mode: mode, modTime: h.clock, inode: h.inodes}
	if mode.IsDir() {
		n.children = map[string]*node{}
	}
	return n
}

// Stat describes path itself.
func (h *Host) Stat(ctx context.Context, p string) (host.Entry, error) {
	if err := h.begin(ctx, Call{Op: "stat", Path: p}); err != nil {
		return host.Entry{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := h.walk("stat", p, false)
	if err != nil {
		return host.Entry{}, err
	}
	return n.entry(p), nil
}

// List describes what a directory holds, sorted by name.
func (h *Host) List(ctx context.Context, dir string) ([]host.Entry, error) {
	if err := h.begin(ctx, Call{Op: "list", Path: dir}); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := h.walk("list", dir, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: syscall.ENOTDIR}
	}
	entries := make([]host.Entry, 0, len(n.children))
	for name, c := range n.children {
		entries = append(entries, c.entry(path.Join(dir, name)))
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Path < entries[j].Path })
	return entries, nil
}

// Open reads a regular file, following links.
func (h *Host) Open(ctx context.Context, p string) (io.ReadCloser, error) {
	if err := h.begin(ctx, Call{Op: "open", Path: p}); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := h.walk("open", p, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fmt.Errorf("is a %s, not a regular file", host.TypeName(n.mode))}
	}
	return io.NopCloser(bytes.NewReader(n.content)), nil
}

// Put makes the entry what it says. The content is read before anything changes.
func (h *Host) Put(ctx context.Context, e host.Entry, content io.Reader) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if err := host.CheckPut(e); err != nil {
		return err
	}
	if err := h.begin(ctx, Call{Op: "put", Path: e.Path}); err != nil {
		return err
	}
	var data []byte
	if e.Mode.IsRegular() && content != nil {
		var err error
		if data, err = io.ReadAll(content); err != nil {
			return fmt.Errorf("put %s: %w", e.Path, err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	parent, err := h.makeParents(e.Path)
	if err != nil {
		return fmt.Errorf("put %s: make its folder: %w", e.Path, err)
	}
	name := path.Base(clean(e.Path))
	old := parent.children[name]
	if name == "/" {
		old = h.root
	}
	if old != nil && old.mode.IsDir() != e.Mode.IsDir() {
		return fmt.Errorf("put %s: a %s stands where a %s must be; move it away first",
			e.Path, host.TypeName(old.mode), host.TypeName(e.Mode))
	}
	if h.space >= 0 {
		if int64(len(data)) > h.space {
			return fmt.Errorf("put %s: %w", e.Path, syscall.ENOSPC)
		}
		h.space -= int64(len(data))
	}
	if old != nil && e.Mode.IsDir() {
		old.mode, old.uid, old.gid = e.Mode, e.UID, e.GID
		return nil
	}
	n := h.newNode(e.Mode)
	if e.Mode.Type() == fs.ModeSymlink {
		n.mode = fs.ModeSymlink | fs.ModePerm // Linux shows no other
	}
	n.uid, n.gid, n.link, n.content = e.UID, e.GID, e.Link, data
	parent.children[name] = n
	return nil
}

// Remove deletes path and what is below it; it refuses to cross a Mount.
func (h *Host) Remove(ctx context.Context, p string) error {
	if err := checkPath(p); err != nil {
		return err
	}
	if err := h.begin(ctx, Call{Op: "remove", Path: p}); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p = clean(p)
	if p == "/" {
		return errors.New("remove /: refused, it is the whole machine")
	}
	for m := range h.mounts {
		if m == p || strings.HasPrefix(m, p+"/") {
			return fmt.Errorf("remove %s: refused, %s is mounted there and would lose its content; unmount it first (umount %s)", p, m, m)
		}
	}
	parent, err := h.walk("remove", path.Dir(p), true)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	delete(parent.children, path.Base(p))
	return nil
}

func (n *node) entry(p string) host.Entry {
	e := host.Entry{Path: p, Mode: n.mode, UID: n.uid, GID: n.gid, ModTime: n.modTime, Link: n.link, Inode: n.inode}
	e.Size = int64(len(n.content) + len(n.link))
	return e
}
