package hosttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keelway.dev/keelway/internal/host"
)

func conformRefusals(t *testing.T, h host.Host, dir string, uid, gid int) {
	file, sub := filepath.Join(dir, "file"), filepath.Join(dir, "sub")
	must(t, h.Put(t.Context(), host.Entry{Path: file, Mode: 0o644, UID: uid, GID: gid}, strings.NewReader("x")))
	must(t, h.Put(t.Context(), host.Entry{Path: sub, Mode: fs.ModeDir | 0o755, UID: uid, GID: gid}, nil))
	rows := []host.Entry{
		{Path: filepath.Join(dir, "pipe"), Mode: fs.ModeNamedPipe | 0o644},
		{Path: filepath.Join(dir, "suid"), Mode: fs.ModeSetuid | 0o755},
		{Path: filepath.Join(dir, "link"), Mode: fs.ModeSymlink},
		{Path: filepath.Join(dir, "odd"), Mode: 0o644, Link: "x"},
		{Path: "relative", Mode: 0o644},
		{Path: file, Mode: fs.ModeDir | 0o755},
		{Path: sub, Mode: 0o644},
		{Path: sub, Mode: fs.ModeSymlink, Link: "file"},
		{Path: filepath.Join(file, "below"), Mode: 0o644},
	}
	for _, e := range rows {
		e.UID, e.GID = uid, gid
		if err := h.Put(t.Context(), e, strings.NewReader("y")); err == nil {
			t.Errorf("put of %+v was not refused", e)
		}
	}
	if got := read(t, h, file); got != "x" {
		t.Errorf("a refused put changed the file to %q", got)
	}
	if _, err := h.Open(t.Context(), sub); err == nil {
		t.Error("a directory was opened as a file")
	}
	if _, err := h.List(t.Context(), file); err == nil {
		t.Error("a file was listed as a directory")
	}
	for _, p := range []string{"relative", "/"} {
		if err := h.Remove(t.Context(), p); err == nil {
			t.Errorf("remove of %q was not refused", p)
		}
	}
	if _, err := h.Dial(t.Context(), "udp", "127.0.0.1:1"); err == nil {
		t.Error("dial by udp was not refused")
	}
	if _, err := h.Run(t.Context(), host.Command{}); err == nil {
		t.Error("an empty command was not refused")
	}
}

func conformMissing(t *testing.T, h host.Host, dir string, uid, gid int) {
	p := filepath.Join(dir, "no/such/thing")
	_, statErr := h.Stat(t.Context(), p)
	_, listErr := h.List(t.Context(), p)
	_, openErr := h.Open(t.Context(), p)
	_, runErr := h.Run(t.Context(), host.Command{Argv: []string{"keelway-no-such-command"}})
	for _, err := range []error{statErr, listErr, openErr, runErr} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v does not match fs.ErrNotExist", err)
		}
	}
	must(t, h.Remove(t.Context(), p))
	must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(dir, "f"), Mode: 0o644, UID: uid, GID: gid}, nil))
	must(t, h.Remove(t.Context(), filepath.Join(dir, "f/below/a/file")))
}

func conformList(t *testing.T, h host.Host, dir string, uid, gid int) {
	for _, name := range []string{"b", "a", "c/d", ".hidden"} {
		must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(dir, name), Mode: 0o644, UID: uid, GID: gid}, strings.NewReader(name)))
	}
	entries, err := h.List(t.Context(), dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, filepath.Base(e.Path))
		if e != statOf(t, h, e.Path) {
			t.Errorf("list and stat differ for %s", e.Path)
		}
	}
	if got := strings.Join(names, " "); got != ".hidden a b c" {
		t.Errorf("listed %q", got)
	}
}

func conformRemove(t *testing.T, h host.Host, dir string, uid, gid int) {
	for i := range 700 { // more than one batch of names
		must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(dir, "tree", fmt.Sprint(i%7), fmt.Sprint(i)), Mode: 0o600, UID: uid, GID: gid}, nil))
	}
	must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(dir, "tree/up"), Mode: fs.ModeSymlink, UID: uid, GID: gid, Link: ".."}, nil))
	must(t, h.Put(t.Context(), host.Entry{Path: filepath.Join(dir, "other"), Mode: 0o600, UID: uid, GID: gid}, nil))
	must(t, h.Remove(t.Context(), filepath.Join(dir, "tree")))
	must(t, h.Remove(t.Context(), filepath.Join(dir, "tree")))
	entries, err := h.List(t.Context(), dir)
	must(t, err)
	if len(entries) != 1 || filepath.Base(entries[0].Path) != "other" {
		t.Errorf("left after remove: %+v", entries)
	}
}

func conformFailingContent(t *testing.T, h host.Host, dir string, uid, gid int) {
	p := filepath.Join(dir, "file")
	e := host.Entry{Path: p, Mode: 0o644, UID: uid, GID: gid}
	must(t, h.Put(t.Context(), e, strings.NewReader("good")))
	broken := errors.New("the source broke")
	err := h.Put(t.Context(), e, io.MultiReader(strings.NewReader("half"), errReader{broken}))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the source's own", err)
	}
	if got := read(t, h, p); got != "good" {
		t.Errorf("content %q after a failed put", got)
	}
	noTemp(t, h, dir)
}

func conformConcurrent(t *testing.T, h host.Host, dir string, uid, gid int) {
	p := filepath.Join(dir, "shared")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte('a' + i)}, 50_000)
			for range 5 {
				if err := h.Put(t.Context(), host.Entry{Path: p, Mode: 0o600, UID: uid, GID: gid}, bytes.NewReader(body)); err != nil {
					t.Error(err)
				}
				if got := read(t, h, p); len(got) != len(body) || strings.Trim(got, got[:1]) != "" {
					t.Errorf("read %d bytes of more than one writer", len(got))
				}
			}
		})
	}
	wg.Wait()
	noTemp(t, h, dir)
}

func conformConcurrentDirs(t *testing.T, h host.Host, dir string, uid, gid int) {
	for i := range 20 {
		d := filepath.Join(dir, fmt.Sprint(i), "shared")
		var wg sync.WaitGroup
		for j := range 6 {
			wg.Go(func() {
				if err := h.Put(t.Context(), host.Entry{Path: d, Mode: fs.ModeDir | 0o750, UID: uid, GID: gid}, nil); err != nil {
					t.Error(err)
				}
				if err := h.Put(t.Context(), host.Entry{Path: filepath.Join(d, "sub", fmt.Sprint(j)), Mode: 0o600, UID: uid, GID: gid}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if e := statOf(t, h, d); e.Mode != fs.ModeDir|0o750 {
			t.Errorf("%s has mode %v", d, e.Mode)
		}
		entries, err := h.List(t.Context(), filepath.Join(d, "sub"))
		must(t, err)
		if len(entries) != 6 {
			t.Errorf("%d files, want 6", len(entries))
		}
		noTemp(t, h, filepath.Dir(d))
	}
}

func conformCancelled(t *testing.T, h host.Host, dir string, uid, gid int) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := filepath.Join(dir, "file")
	if err := h.Put(ctx, host.Entry{Path: p, Mode: 0o644, UID: uid, GID: gid}, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	if _, err := h.Stat(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cancelled put left something: %v", err)
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v, want context.Canceled", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func statOf(t *testing.T, h host.Host, p string) host.Entry {
	t.Helper()
	e, err := h.Stat(t.Context(), p)
	must(t, err)
	return e
}

func read(t *testing.T, h host.Host, p string) string {
	t.Helper()
	r, err := h.Open(t.Context(), p)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func noTemp(t *testing.T, h host.Host, dir string) {
	t.Helper()
	entries, err := h.List(t.Context(), dir)
	must(t, err)
	for _, e := range entries {
		if host.IsTemp(e.Path) {
			t.Errorf("left behind: %s", e.Path)
		}
	}
}
