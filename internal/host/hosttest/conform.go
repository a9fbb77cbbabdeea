package hosttest

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/host"
)

// Conform runs what every kind of host must do. make returns a fresh host, an
// empty directory on it that the test may fill, and the owner that files may
// be given there besides root's (0, 0 when none).
func Conform(t *testing.T, make func(t *testing.T) (h host.Host, dir string, uid, gid int)) {
	cases := []struct {
		name string
		run  func(t *testing.T, h host.Host, dir string, uid, gid int)
	}{
		{"put and open", conformPut},
		{"modes", conformModes},
		{"owners", conformOwners},
		{"links", conformLinks},
		{"directories", conformDirs},
		{"refusals", conformRefusals},
		{"missing", conformMissing},
		{"list", conformList},
		{"remove", conformRemove},
		{"failing content", conformFailingContent},
		{"concurrent puts", conformConcurrent},
		{"concurrent directories", conformConcurrentDirs},
		{"cancelled", conformCancelled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h, dir, uid, gid := make(t)
			c.run(t, h, dir, uid, gid)
		})
	}
}

func conformPut(t *testing.T, h host.Host, dir string, uid, gid int) {
	p := filepath.Join(dir, "a/b/file")
	e := host.Entry{Path: p, Mode: 0o600, UID: uid, GID: gid}
	must(t, h.Put(t.Context(), e, strings.NewReader("one")))
	first := statOf(t, h, p)
	if first.Size != 3 || first.Path != p || first.ModTime.IsZero() {
		t.Errorf("stat after put: %+v", first)
	}
	if got := statOf(t, h, filepath.Join(dir, "a")).Mode; got != fs.ModeDir|0o755 {
		t.Errorf("a missing parent has mode %v, want drwxr-xr-x", got)
	}
	must(t, h.Put(t.Context(), e, strings.NewReader("other")))
	if got := read(t, h, p); got != "other" {
		t.Errorf("content %q, want %q", got, "other")
	}
	if again := statOf(t, h, p); again.Inode == first.Inode && first.Inode != 0 {
		t.Error("the second put wrote into the same inode: a reader could see half of it")
	}
	must(t, h.Put(t.Context(), e, nil))
	if got := read(t, h, p); got != "" {
		t.Errorf("content %q after a put without content, want none", got)
	}
	noTemp(t, h, filepath.Join(dir, "a/b"))
}

func conformModes(t *testing.T, h host.Host, dir string, uid, gid int) {
	for _, mode := range []fs.FileMode{0, 0o400, 0o600, 0o644, 0o755, 0o666, 0o777, fs.ModeDir | 0o700, fs.ModeDir | 0o777} {
		p := filepath.Join(dir, fmt.Sprintf("m%o", uint32(mode)))
		for range 2 { // a new entry and an existing one
			must(t, h.Put(t.Context(), host.Entry{Path: p, Mode: mode, UID: uid, GID: gid}, strings.NewReader("x")))
			if got := statOf(t, h, p).Mode; got != mode {
				t.Errorf("put with mode %v gave %v", mode, got)
			}
		}
	}
}

func conformOwners(t *testing.T, h host.Host, dir string, uid, gid int) {
	for _, mode := range []fs.FileMode{0o640, fs.ModeDir | 0o750, fs.ModeSymlink | 0o777} {
		p := filepath.Join(dir, "owned-"+host.TypeName(mode))
		e := host.Entry{Path: p, Mode: mode, UID: uid, GID: gid}
		if mode.Type() == fs.ModeSymlink {
			e.Link = "nowhere"
		}
		must(t, h.Put(t.Context(), e, nil))
		got := statOf(t, h, p)
		if got.UID != uid || got.GID != gid || got.Mode != mode {
			t.Errorf("%s: %d:%d %v, want %d:%d %v", p, got.UID, got.GID, got.Mode, uid, gid, mode)
		}
	}
}

func conformLinks(t *testing.T, h host.Host, dir string, uid, gid int) {
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	put := func(p string, mode fs.FileMode, to, content string) {
		t.Helper()
		must(t, h.Put(t.Context(), host.Entry{Path: p, Mode: mode, UID: uid, GID: gid, Link: to}, strings.NewReader(content)))
	}
	put(target, 0o644, "", "content")
	put(link, fs.ModeSymlink, "elsewhere", "")
	put(link, fs.ModeSymlink, "target", "") // replaced
	if e := statOf(t, h, link); e.Mode.Type() != fs.ModeSymlink || e.Link != "target" {
		t.Errorf("stat of the link: %+v", e)
	}
	if got := read(t, h, link); got != "content" {
		t.Errorf("open through the link: %q", got)
	}
	put(link, 0o600, "", "mine") // a file in the link's place leaves the target alone
	if got := read(t, h, target); got != "content" {
		t.Errorf("a put in the link's place changed the target to %q", got)
	}
	put(link, fs.ModeSymlink, target, "") // and a link in a file's place
	put(filepath.Join(dir, "real/file"), 0o644, "", "deep")
	put(filepath.Join(dir, "alias"), fs.ModeSymlink, "real", "")
	put(filepath.Join(dir, "alias/second"), 0o644, "", "through")
	if got := read(t, h, filepath.Join(dir, "real/second")); got != "through" {
		t.Errorf("a put through a linked folder: %q", got)
	}
	must(t, h.Remove(t.Context(), filepath.Join(dir, "alias")))
	if got := read(t, h, filepath.Join(dir, "real/file")); got != "deep" {
		t.Errorf("removing a link touched what it points to: %q", got)
	}
	noTemp(t, h, dir)
}

func conformDirs(t *testing.T, h host.Host, dir string, uid, gid int) {
	d, f := filepath.Join(dir, "d"), filepath.Join(dir, "d/keep")
	must(t, h.Put(t.Context(), host.Entry{Path: d, Mode: fs.ModeDir | 0o777, UID: uid, GID: gid}, nil))
	must(t, h.Put(t.Context(), host.Entry{Path: f, Mode: 0o644, UID: uid, GID: gid}, strings.NewReader("kept")))
	before := statOf(t, h, d).Inode
	must(t, h.Put(t.Context(), host.Entry{Path: d, Mode: fs.ModeDir | 0o700, UID: uid, GID: gid}, nil))
	after := statOf(t, h, d)
	if after.Mode != fs.ModeDir|0o700 || after.Inode != before {
		t.Errorf("putting an existing directory: %+v", after)
	}
	if got := read(t, h, f); got != "kept" {
		t.Errorf("its file: %q", got)
	}
}
