// Package prior remembers what a host was before Keelway changed it, so that it can be given back.
//
// It decides nothing: what is on the host and in the cluster is the state.
// But no host can tell what stood in a file before it was replaced, or which
// value a kernel setting had, so that is written down before the first change.
package prior

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"keelway.dev/keelway/internal/host"
)

// Dir is Keelway's own folder on a host; Path is the record in it.
const (
	Dir  = "/var/lib/keelway"
	Path = Dir + "/prior.json"
)

// saved is the folder with copies of files that were replaced.
const saved = Dir + "/prior"

// Record is what was. A path that is absent was never touched.
type Record struct {
	// Paths says of each path that Keelway wrote, or made a parent of, what it
	// was before.
	Paths map[string]Was `json:"paths"`
	// Sysctls are the values before, by name with dots.
	Sysctls map[string]string `json:"sysctls"`
	// Tables are the nftables tables that were there, as "family name"; nil
	// while nobody has looked.
	Tables []string `json:"tables"`
}

// Was is what a path was: nothing, a directory, or something that was saved.
type Was struct {
	Existed bool `json:"existed"`
	Dir     bool `json:"dir,omitempty"`
	// Copy is where the content of a replaced file is kept, Link a replaced
	// link's target, Mode its permission bits.
	Copy string      `json:"copy,omitempty"`
	Link string      `json:"link,omitempty"`
	Mode fs.FileMode `json:"mode,omitempty"`
	UID  int         `json:"uid,omitempty"`
	GID  int         `json:"gid,omitempty"`
}

// Book is the record of one host. It is safe for concurrent use.
type Book struct {
	host   host.Host
	mu     sync.Mutex
	record Record
}

// Open reads the record, which is empty on a host that Keelway never changed.
func Open(ctx context.Context, h host.Host) (*Book, error) {
	b := &Book{host: h, record: Record{Paths: map[string]Was{}, Sysctls: map[string]string{}}}
	r, err := h.Open(ctx, Path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&b.record); err != nil {
		return nil, fmt.Errorf("%s on %s cannot be read (%w): it says what was on the host before; restore it, or delete it if nothing needs to be given back", Path, h.Name(), err)
	}
	return b, nil
}

// Record returns what is written down.
func (b *Book) Record() Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record
}

// Remember writes down what the paths and the kernel settings are now, each
// only the first time, in one atomic write.
func (b *Book) Remember(ctx context.Context, paths []string, sysctls map[string]string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := false
	for _, p := range paths {
		for _, q := range append(ancestors(p), p) {
			if _, known := b.record.Paths[q]; known {
				continue
			}
			was, err := b.look(ctx, q, q == p)
			if err != nil {
				return err
			}
			if q != p && was.Existed {
				continue // a parent that was there is nobody's change
			}
			b.record.Paths[q] = was
			changed = true
		}
	}
	for name, value := range sysctls {
		if _, known := b.record.Sysctls[name]; !known {
			b.record.Sysctls[name] = value
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return b.save(ctx)
}

// RememberTables writes down which nftables tables there are, the first time.
func (b *Book) RememberTables(ctx context.Context, tables []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.record.Tables != nil {
		return nil
	}
	b.record.Tables = append([]string{}, tables...)
	return b.save(ctx)
}

func ancestors(p string) []string {
	var up []string
	for d := path.Dir(p); d != "/" && d != "."; d = path.Dir(d) {
		up = append([]string{d}, up...)
	}
	return up
}

// look describes a path and keeps a copy of a file that is about to be replaced.
func (b *Book) look(ctx context.Context, p string, replaced bool) (Was, error) {
	e, err := b.host.Stat(ctx, p)
	if errors.Is(err, fs.ErrNotExist) {
		return Was{}, nil
	}
	if err != nil {
		return Was{}, err
	}
	was := Was{Existed: true, Dir: e.Mode.IsDir(), Link: e.Link, Mode: e.Mode.Perm(), UID: e.UID, GID: e.GID}
	if !replaced || !e.Mode.IsRegular() {
		return was, nil
	}
	r, err := b.host.Open(ctx, p)
	if err != nil {
		return Was{}, err
	}
	defer r.Close()
	was.Copy = path.Join(saved, strings.ReplaceAll(strings.TrimPrefix(p, "/"), "/", "%2F"))
	return was, b.host.Put(ctx, host.Entry{Path: was.Copy, Mode: 0o600}, r)
}

func (b *Book) save(ctx context.Context) error {
	data, err := json.MarshalIndent(b.record, "", " ")
	if err != nil {
		return err
	}
	return b.host.Put(ctx, host.Entry{Path: Path, Mode: 0o600}, bytes.NewReader(data))
}

// GiveBack makes a path what it was before it was first replaced.
func (b *Book) GiveBack(ctx context.Context, p string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, known := b.record.Paths[p]
	if !known || !was.Existed || was.Dir {
		return nil
	}
	e := host.Entry{Path: p, Mode: was.Mode, UID: was.UID, GID: was.GID, Link: was.Link}
	if was.Link != "" {
		e.Mode |= fs.ModeSymlink
		if err := b.host.Put(ctx, e, nil); err != nil {
			return err
		}
	} else {
		if err := b.giveBackFile(ctx, e, was.Copy); err != nil {
			return fmt.Errorf("cannot give back %s: %w", p, err)
		}
	}
	// What is given back is nobody's change any more.
	delete(b.record.Paths, p)
	return b.save(ctx)
}

// giveBackFile writes a file's copy back, unless it is as it was.
func (b *Book) giveBackFile(ctx context.Context, e host.Entry, from string) error {
	old, err := b.read(ctx, from)
	if err != nil {
		return fmt.Errorf("its copy cannot be read: %w", err)
	}
	have, err := b.host.Stat(ctx, e.Path)
	if err == nil && have.Mode == e.Mode && have.UID == e.UID && have.GID == e.GID {
		if now, err := b.read(ctx, e.Path); err == nil && bytes.Equal(now, old) {
			return nil
		}
	}
	return b.host.Put(ctx, e, bytes.NewReader(old))
}

func (b *Book) read(ctx context.Context, p string) ([]byte, error) {
	r, err := b.host.Open(ctx, p)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
