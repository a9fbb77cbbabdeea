package step

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

func fileMode(m uint32) fs.FileMode       { return fs.FileMode(m) }
func newReader(data []byte) *bytes.Reader { return bytes.NewReader(data) }

func (r *Runner) files(ctx context.Context, files []desired.File) error {
	for _, f := range files {
		if err := r.file(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) file(ctx context.Context, f desired.File) error {
	e := host.Entry{Path: f.Path, Mode: f.Mode, Link: f.Link}
	if f.Holds != nil {
		return r.folder(ctx, e, f.Holds)
	}
	if f.Binary == "" {
		return r.Host.Put(ctx, e, bytes.NewReader(f.Content))
	}
	if linked, err := r.link(ctx, f); linked || err != nil {
		return err
	}
	if r.Near != nil {
		return r.fetch(ctx, e, r.Sums[f.Binary])
	}
	program, err := r.Bundle.OpenBinary(f.Binary)
	if err != nil {
		return err
	}
	defer program.Close()
	return r.Host.Put(ctx, e, program)
}

// folder makes a directory, and removes from it what is not to be there.
func (r *Runner) folder(ctx context.Context, e host.Entry, holds []string) error {
	if err := r.Host.Put(ctx, e, nil); err != nil {
		return err
	}
	entries, err := r.Host.List(ctx, e.Path)
	if err != nil {
		return err
	}
	for _, one := range entries {
		if !slices.Contains(holds, path.Base(one.Path)) {
			if err := r.Host.Remove(ctx, one.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// link makes a program a hard link to its twin, where there is one with the
// very same bytes and mode, or a copy of it on another file system.
func (r *Runner) link(ctx context.Context, f desired.File) (bool, error) {
	linker, ok := r.Host.(host.Linker)
	if !ok || f.Twin == nil {
		return false, nil
	}
	folders, err := r.Host.List(ctx, f.Twin.Dir)
	if err != nil {
		return false, nil //nolint:nilerr // no twin: the program is copied
	}
	for _, folder := range folders {
		p := path.Join(folder.Path, f.Twin.Below)
		e, err := r.Host.Stat(ctx, p)
		if err != nil || e.Mode != f.Mode || e.UID != 0 || e.GID != 0 {
			continue
		}
		if sum, err := r.sum(ctx, p); err != nil || sum != r.Sums[f.Binary] {
			continue
		}
		err = linker.HardLink(ctx, p, f.Path)
		if errors.Is(err, host.ErrOtherFileSystem) {
			return r.copied(ctx, p, f), nil
		}
		return err == nil, err
	}
	return false, nil
}

// copied has the machine copy a program's twin. One that cannot do so is sent
// the program, and tells by that what is wrong with its disk.
func (r *Runner) copied(ctx context.Context, twin string, f desired.File) bool {
	copier, ok := r.Host.(host.Copier)
	return ok && copier.Copy(ctx, twin, host.Entry{Path: f.Path, Mode: f.Mode}) == nil
}

func (r *Runner) sum(ctx context.Context, p string) (string, error) {
	if far, ok := r.Host.(host.Hasher); ok {
		sums, err := far.SHA256s(ctx, []string{p})
		return sums[p], err
	}
	file, err := r.Host.Open(ctx, p)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// randomKey writes fresh random bytes into a template, once.
func (r *Runner) randomKey(ctx context.Context, k desired.RandomKey) error {
	secret := make([]byte, k.Bytes)
	if _, err := io.ReadFull(r.Random, secret); err != nil {
		return fmt.Errorf("no random bytes for %s: %w", k.Path, err)
	}
	text := bytes.ReplaceAll(k.Template, []byte(k.Placeholder), []byte(base64.StdEncoding.EncodeToString(secret)))
	return r.put(ctx, k.Path, uint32(k.Mode.Perm()), text)
}

// sysctls writes kernel settings.
func (r *Runner) sysctls(ctx context.Context, settings []desired.Sysctl) error {
	for _, s := range settings {
		_, err := observe.ReadSysctl(ctx, r.Host, s.Name)
		if errors.Is(err, fs.ErrNotExist) && s.Module != "" {
			if err := r.loadModule(ctx, s.Module); err != nil {
				return err
			}
			_, err = observe.ReadSysctl(ctx, r.Host, s.Name)
		}
		if err != nil {
			return fmt.Errorf("the kernel of %s has no setting %s (needed: %s): %w", r.Host.Name(), s.Name, s.Note, err)
		}
		if err := r.setSysctl(ctx, s.Name, s.Value); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) loadModule(ctx context.Context, name string) error {
	res, err := r.Host.Run(ctx, host.Command{Argv: []string{"modprobe", "--", name}})
	if err != nil {
		return fmt.Errorf("cannot load the kernel module %s on %s: %w; install kmod (`apt-get install kmod`)", name, r.Host.Name(), err)
	}
	if res.Code != 0 {
		return fmt.Errorf("cannot load the kernel module %s on %s: %s", name, r.Host.Name(), strings.TrimSpace(string(res.Stderr)))
	}
	return nil
}

func (r *Runner) setSysctl(ctx context.Context, name, value string) error {
	// The kernel takes a value by a plain write: a rename into /proc is impossible.
	res, err := r.Host.Run(ctx, host.Command{
		Argv:  []string{"tee", observe.SysctlPath(name)},
		Stdin: strings.NewReader(value + "\n"),
	})
	if err != nil {
		return err
	}
	if res.Code != 0 {
		return fmt.Errorf("cannot set %s=%s on %s: %s", name, value, r.Host.Name(), strings.TrimSpace(string(res.Stderr)))
	}
	return nil
}
