package hosttest

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"

	"keelway.dev/keelway/internal/host"
)

// maxLinks is Linux's own bound on links followed in one path.
const maxLinks = 40

func clean(p string) string { return path.Clean("/" + p) }

func checkPath(p string) error {
	if !path.IsAbs(p) {
		return &fs.PathError{Op: "use", Path: p, Err: fmt.Errorf("%w: a path on a host is absolute", fs.ErrInvalid)}
	}
	return nil
}

// walk finds the node of a path; follow says whether a link at its end is followed.
func (h *Host) walk(op, p string, follow bool) (*node, error) {
	if err := checkPath(p); err != nil {
		return nil, err
	}
	n, err := h.resolve(clean(p), follow, 0, false)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: p, Err: err}
	}
	return n, nil
}

// makeParents returns the directory that holds p, making what is missing.
func (h *Host) makeParents(p string) (*node, error) {
	return h.resolve(path.Dir(clean(p)), true, 0, true)
}

func (h *Host) resolve(p string, follow bool, links int, create bool) (*node, error) {
	n := h.root
	parts := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	for i, name := range parts {
		if !n.mode.IsDir() {
			return nil, syscall.ENOTDIR
		}
		next := n.children[name]
		if next == nil {
			if !create {
				return nil, fs.ErrNotExist
			}
			next = h.newNode(fs.ModeDir | 0o755)
			n.children[name] = next
		}
		last := i == len(parts)-1
		if next.mode.Type() == fs.ModeSymlink && (!last || follow) {
			if links == maxLinks {
				return nil, syscall.ELOOP
			}
			target := next.link
			if !path.IsAbs(target) {
				target = path.Join("/", path.Join(parts[:i]...), target)
			}
			return h.resolve(path.Join(target, path.Join(parts[i+1:]...)), follow, links+1, create)
		}
		n = next
	}
	if create && !n.mode.IsDir() {
		return nil, syscall.ENOTDIR
	}
	return n, nil
}

// WriteFile puts a regular file owned by root and ends the test when it cannot.
// It is not recorded as a call and meets no fault.
func (h *Host) WriteFile(t testing.TB, p string, mode fs.FileMode, content string) {
	t.Helper()
	h.quietly(func() {
		if err := h.Put(context.Background(), host.Entry{Path: p, Mode: mode}, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	})
}

// ReadFile returns a file's content and ends the test when there is none. It
// is not recorded as a call and meets no fault.
func (h *Host) ReadFile(t testing.TB, p string) string {
	t.Helper()
	var data []byte
	h.quietly(func() {
		r, err := h.Open(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	})
	return string(data)
}

// Tree returns every path below dir with what it is and holds, so that two
// states of a machine can be compared with ==: directories and files as
// "mode uid:gid content", links as "-> target".
func (h *Host) Tree(dir string) map[string]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	tree := map[string]string{}
	n, err := h.resolve(clean(dir), true, 0, false)
	if err != nil {
		return tree
	}
	var visit func(p string, n *node)
	visit = func(p string, n *node) {
		for name, c := range n.children {
			at := path.Join(p, name)
			if c.mode.Type() == fs.ModeSymlink {
				tree[at] = "-> " + c.link
				continue
			}
			tree[at] = fmt.Sprintf("%v %d:%d %s", c.mode, c.uid, c.gid, c.content)
			visit(at, c)
		}
	}
	visit(clean(dir), n)
	return tree
}

// quietly runs f with neither faults nor record.
func (h *Host) quietly(f func()) {
	h.mu.Lock()
	faults, calls := h.faults, h.calls
	h.faults = nil
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.faults, h.calls = faults, calls
		h.mu.Unlock()
	}()
	f()
}
