package observe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
)

func (o *Observer) file(ctx context.Context, p string) (observed.File, error) {
	e, err := o.Host.Stat(ctx, p)
	if err != nil {
		return observed.File{}, err
	}
	o.mu.Lock()
	known, ok := o.sums[p]
	o.mu.Unlock()
	if ok && known.entry == e {
		return known.file, nil
	}
	f := observed.File{Mode: e.Mode, UID: e.UID, GID: e.GID, Size: e.Size, ModTime: e.ModTime, Link: e.Link}
	if e.Mode.Type() == fs.ModeSymlink {
		f.Content = o.behind(ctx, e)
		return f, nil
	}
	if _, far := o.Host.(host.Hasher); far && e.Mode.IsRegular() && e.Size > observed.MaxContent {
		return f, nil // reckoned with others, where they are
	}
	if e.Mode.IsRegular() {
		if f.SHA256, f.Content, err = read(ctx, o.Host, e); err != nil {
			return observed.File{}, err
		}
	}
	if e.Inode == 0 {
		return f, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sums == nil {
		o.sums = map[string]remembered{}
	}
	o.sums[p] = remembered{entry: e, file: f}
	return f, nil
}

// behind is what a link leads to (the kubelet's current certificate). It is read
// again each time, for the link does not change with it. Of a program, such as the
// kubelet under the name of kubectl, nothing is read: its link is all that counts.
func (o *Observer) behind(ctx context.Context, link host.Entry) []byte {
	target := link.Link
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(link.Path), target)
	}
	if e, err := o.Host.Stat(ctx, target); err == nil && e.Size > observed.MaxContent {
		return nil
	}
	r, err := o.Host.Open(ctx, link.Path)
	if err != nil {
		return nil
	}
	defer r.Close()
	content, _ := io.ReadAll(io.LimitReader(r, observed.MaxContent))
	return content
}

// names lists the directories of which everything that they hold counts.
func (o *Observer) names(ctx context.Context, g *errgroup.Group, want desired.Host, found func(p string, names []string)) {
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if f.Holds == nil {
				continue
			}
			g.Go(func() error {
				entries, err := o.Host.List(ctx, f.Path)
				if err != nil {
					return nil //nolint:nilerr // it is no directory: the look at it says so
				}
				var names []string
				for _, e := range entries {
					names = append(names, path.Base(e.Path))
				}
				found(f.Path, names)
				return nil
			})
		}
	}
}

// large reckons, in one go, the checksums of files too large to be fetched.
func (o *Observer) large(ctx context.Context, seen map[string]observed.File) error {
	far, ok := o.Host.(host.Hasher)
	if !ok {
		return nil
	}
	var paths []string
	for p, f := range seen {
		if f.Mode.IsRegular() && f.SHA256 == "" {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	slices.Sort(paths)
	sums, err := far.SHA256s(ctx, paths)
	for _, p := range paths {
		f := seen[p]
		if f.SHA256 = sums[p]; f.SHA256 == "" {
			delete(seen, p) // it went away meanwhile
		} else {
			seen[p] = f
		}
	}
	return err
}

func read(ctx context.Context, h host.Host, e host.Entry) (sum string, content []byte, err error) {
	r, err := h.Open(ctx, e.Path)
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	hash := sha256.New()
	if e.Size <= observed.MaxContent {
		if content, err = io.ReadAll(io.TeeReader(r, hash)); err != nil {
			return "", nil, err
		}
	} else if _, err = io.Copy(hash, r); err != nil {
		return "", nil, err
	}
	return hex.EncodeToString(hash.Sum(nil)), content, nil
}

// ReadSysctl returns a kernel setting by its name with dots.
func ReadSysctl(ctx context.Context, h host.Host, name string) (string, error) {
	r, err := h.Open(ctx, SysctlPath(name))
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return strings.Join(strings.Fields(string(b)), " "), err
}

// SysctlPath is the file below /proc/sys that holds a kernel setting.
func SysctlPath(name string) string {
	return "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
}

// date asks for the exact time of files that were changed in the very second in
// which a service that reads them was started, on a host that tells only that.
func (o *Observer) date(ctx context.Context, want desired.Host, seen observed.Host) error {
	dater, ok := o.Host.(host.Dater)
	if !ok {
		return nil
	}
	var unclear []string
	for _, r := range want.Resources {
		if r.Service == nil || !seen.Services[r.Service.Name].Running {
			continue
		}
		for _, p := range r.Service.Reads {
			f, ok := seen.Files[p]
			if ok && f.ModTime.Nanosecond() == 0 && f.ModTime.Unix() == seen.Services[r.Service.Name].Since.Unix() {
				unclear = append(unclear, p)
			}
		}
	}
	if len(unclear) == 0 {
		return nil
	}
	exact, err := dater.Modified(ctx, unclear)
	if err != nil {
		return fmt.Errorf("cannot find out whether %s are newer than the services that read them: %w", strings.Join(unclear, ", "), err)
	}
	for p, at := range exact {
		f := seen.Files[p]
		f.ModTime = at
		seen.Files[p] = f
	}
	return nil
}
