package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// owned is a path with the mode that it must have.
type owned struct {
	path string
	mode fs.FileMode
	// public is true of what everybody may read: kubeadm gives sa.pub the mode
	// 0600 where a cluster is made, and 0644 where a control plane joins.
	public bool
}

// FileModes compares the modes of every machine's files.
func FileModes(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	read, machines := 0, 0
	for _, m := range s.Machines {
		if m.Lost != nil {
			o.Skip(m.Name, "cannot be read: see Machines")
			continue
		}
		machines++
		want := modes(m.Want)
		found := make([][]result.Finding, len(want))
		there := make([]bool, len(want))
		g, look := errgroup.WithContext(ctx)
		g.SetLimit(8)
		for i, w := range want {
			g.Go(func() error {
				e, err := m.Host.Stat(look, w.path)
				if errors.Is(err, fs.ErrNotExist) {
					return nil // that it is missing is for `status` and `plan` to say
				}
				if err != nil {
					return fmt.Errorf("cannot look at %s on %s: %w", w.path, m.Name, err)
				}
				there[i], found[i] = true, judgeMode(m.Name, w, e)
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return o, err
		}
		for i := range want {
			if there[i] {
				read++
			}
			o.Found = append(o.Found, found[i]...)
		}
	}
	if machines == 0 {
		o.Skip("", "no machine is at hand: give -f cluster.yaml, or run this on a node")
		return o, nil
	}
	o.Seen = fmt.Sprintf("%d paths on %s", read, result.Counted(machines, len(s.Machines), "machine"))
	return o, nil
}

// modes are what a host's files and folders must have. Folders that others use
// too have their owner's.
func modes(want desired.Host) []owned {
	var all []owned
	add := func(mode fs.FileMode, paths ...string) {
		for _, p := range paths {
			if p != "" && !slices.ContainsFunc(all, func(o owned) bool { return o.path == p }) {
				all = append(all, owned{path: p, mode: mode})
			}
		}
	}
	for _, r := range want.Resources {
		for _, f := range r.Files {
			if !f.Shared && f.Mode.Type() != fs.ModeSymlink {
				add(f.Mode, f.Path)
			}
		}
		if c := r.Certificate; c != nil {
			add(0o600, c.KeyPath())
			add(0o644, c.CertPath())
		}
		if k := r.Keypair; k != nil {
			add(0o600, k.Private)
			all = append(all, owned{path: k.Public, mode: 0o600, public: true})
		}
		if r.Kubeconfig != nil {
			add(0o600, r.Kubeconfig.Path)
		}
		if r.Key != nil {
			add(r.Key.Mode, r.Key.Path)
		}
		if r.Bootstrap != nil {
			add(0o600, r.Bootstrap.Path)
		}
		if r.Member != nil {
			add(r.Member.Manifest.Mode, r.Member.Manifest.Path)
		}
	}
	return all
}

// judgeMode: more than kubeadm allows, or another owner, is a failure; less is
// somebody's own rule, and worth a word.
func judgeMode(machine string, want owned, e host.Entry) []result.Finding {
	var o result.Outcome
	is, must := e.Mode.Perm(), want.mode.Perm()
	where := machine + ":" + want.path
	switch {
	case e.Mode.Type() != want.mode.Type():
		o.Fail(where, "is a %s, not a %s", host.TypeName(e.Mode), host.TypeName(want.mode))
	case want.public && is&^0o644 == 0:
	case is&^must != 0:
		o.Add(result.Failed, where, fmt.Sprintf("chmod %04o %s", must, want.path), "has mode %04o, which allows more than %04o", is, must)
	case is != must:
		o.Add(result.Warning, where, fmt.Sprintf("chmod %04o %s", must, want.path), "has mode %04o, not %04o", is, must)
	}
	if e.UID != 0 {
		o.Add(result.Failed, where, "chown root:root "+want.path, "belongs to user %d, not to root", e.UID)
	}
	return o.Found
}
